//! Descriptions: the BBCode of Godot's class documentation as Markdown.

use anyhow::{Context, Result, bail};

use super::links::Kind;

/// Makes a link to what a reference names.
type Link<'a> = &'a dyn Fn(Kind, &str) -> Result<String>;

/// A description as Markdown that ends with a line break, or nothing.
pub fn markdown(bbcode: &str, link: Link) -> Result<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut rest = bbcode.trim();
    while !rest.is_empty() {
        let (prose, code) = match rest.split_once("[codeblock") {
            Some((prose, code)) => (prose, Some(code)),
            None => (rest, None),
        };
        add_paragraphs(&mut blocks, prose, link)?;
        let Some(code) = code else { break };
        let (options, code) = code.split_once(']').context("[codeblock without an end")?;
        let (code, after) = code
            .split_once("[/codeblock]")
            .context("[codeblock] without an end")?;
        let language = options.trim().strip_prefix("lang=").unwrap_or("gdscript");
        let lines = code.trim_matches('\n').trim_end().lines().map(code_line);
        let lines = Vec::from_iter(lines).join("\n");
        blocks.push(format!("```{language}\n{lines}\n```"));
        rest = after.trim_start();
    }
    let text = blocks
        .join("\n\n")
        .replace("\n\n- \u{0}", "\n- ")
        .replace('\u{0}', "");
    Ok(if text.is_empty() { text } else { text + "\n" })
}

/// A line of code without the indentation of the XML, and with tabs where Godot's help has spaces.
fn code_line(line: &str) -> String {
    let line = line.trim_start_matches('\t');
    let code = line.trim_start_matches(' ');
    "\t".repeat((line.len() - code.len()) / 4) + code
}

/// Adds the lines of `prose`, each of which is a paragraph or an item of a list. An item that
/// follows another is marked, so that the list is not torn apart.
fn add_paragraphs(blocks: &mut Vec<String>, prose: &str, link: Link) -> Result<()> {
    let prose = prose.replace("[br]", "\n");
    for line in prose.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let item = line.strip_prefix("- ");
        let follows = blocks.last().is_some_and(|block| block.starts_with("- "));
        let mark = match (item, follows) {
            (Some(_), true) => "- \u{0}",
            (Some(_), false) => "- ",
            (None, _) => "",
        };
        blocks.push(format!("{mark}{}", inline(item.unwrap_or(line), link)?));
    }
    Ok(())
}

/// A line with its tags replaced, and with the characters escaped that Markdown would interpret.
fn inline(mut rest: &str, link: Link) -> Result<String> {
    let mut text = String::new();
    while let Some((plain, after)) = rest.split_once('[') {
        text += &escaped(plain);
        let (tag, after) = after
            .split_once(']')
            .with_context(|| format!("no ] after [{after}"))?;
        rest = after;
        let (name, target) = tag.split_once(' ').unwrap_or((tag, ""));
        let kind = match name {
            "method" => Some(Kind::Method),
            "member" => Some(Kind::Member),
            "signal" => Some(Kind::Signal),
            "constant" => Some(Kind::Constant),
            "enum" => Some(Kind::Enum),
            _ => None,
        };
        if let Some(kind) = kind {
            text += &link(kind, target.trim())?;
            continue;
        }
        match name {
            "b" | "/b" => text += "**",
            "i" | "/i" => text += "*",
            "lb" => text += "\\[",
            "rb" => text += "\\]",
            "param" => text += &format!("`{target}`"),
            "code" | "kbd" => {
                let end = format!("[/{name}]");
                let (code, after) = rest
                    .split_once(&*end)
                    .with_context(|| format!("no {end}"))?;
                text += &format!("`{code}`");
                rest = after;
            }
            _ if name.starts_with("url=") => {
                let (shown, after) = rest.split_once("[/url]").context("no [/url]")?;
                text += &format!("[{}]({})", escaped(shown), &name["url=".len()..]);
                rest = after;
            }
            _ if name.starts_with(|first: char| first.is_uppercase() || first == '@')
                || ["int", "float", "bool"].contains(&name) =>
            {
                text += &link(Kind::Class, name)?;
            }
            _ => bail!("the tag [{tag}] is unknown"),
        }
    }
    Ok(text + &escaped(rest))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '<' => escaped += "&lt;",
            '*' | '_' | '`' | '\\' => escaped.extend(['\\', letter]),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bbcode: &str) -> Result<String> {
        markdown(bbcode, &|kind, target| Ok(format!("[{target}]({kind:?})")))
    }

    #[test]
    fn lines_are_paragraphs_and_lists_stay_together() {
        let text =
            of("\n\t\tOne.\n\t\tReturns [constant OK], or\n\t\t- a,\n\t\t- b.\n\t\tTwo.\n\t")
                .unwrap();
        assert_eq!(
            text,
            "One.\n\nReturns [OK](Constant), or\n\n- a,\n- b.\n\nTwo.\n"
        );
        assert_eq!(of("\n\t").unwrap(), "");
    }

    #[test]
    fn code_keeps_its_shape_and_is_indented_with_tabs() {
        let code = of(
            "See:\n\t\t[codeblock]\n\t\tif [a] < 1:\n\t\t    b_c()\n\n\t\td()\n\t\t[/codeblock]\n\t\tEnd.",
        );
        assert_eq!(
            code.unwrap(),
            "See:\n\n```gdscript\nif [a] < 1:\n\tb_c()\n\nd()\n```\n\nEnd.\n"
        );
        assert!(
            of("[codeblock lang=text]a[/codeblock]")
                .unwrap()
                .starts_with("```text\na\n")
        );
    }

    #[test]
    fn tags_are_replaced_and_other_characters_are_escaped() {
        let text = of("[b]A.[/b] [param x] [code]a_b[/code] a_b < [method Thread.start] [Thread]");
        assert_eq!(
            text.unwrap(),
            "**A.** `x` `a_b` a\\_b &lt; [Thread.start](Method) [Thread](Class)\n"
        );
        let link = of("[url=https://example.com]RFC[/url] [lb]::1[rb]").unwrap();
        assert_eq!(link, "[RFC](https://example.com) \\[::1\\]\n");
    }

    #[test]
    fn an_unknown_tag_is_an_error() {
        assert!(of("[methd poll]").is_err());
        assert!(of("[code]a").is_err());
    }
}
