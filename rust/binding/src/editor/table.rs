//! The tab: a table of the peers, servers and WebSockets of one running game, and the record of the
//! selected one.

use std::collections::{HashMap, HashSet};

use godot::builtin::{PackedByteArray, PackedStringArray, VarArray, Variant, Vector2};
use godot::classes::control::SizeFlags;
use godot::classes::text_server::AutowrapMode;
use godot::classes::tree::SelectMode;
use godot::classes::{HSplitContainer, Label, RichTextLabel, Tree, TreeItem, VBoxContainer};
use godot::obj::{Gd, NewAlloc};

use super::dump::dump;
use super::rates::{Counts, age, size};

/// The columns: their titles, and their smallest widths. The wide ones share the rest of the room.
const COLUMNS: [(&str, i32); 14] = [
    ("Class", 150),
    ("Status", 90),
    ("Local", 140),
    ("Remote", 140),
    ("In/s", 75),
    ("Out/s", 75),
    ("In", 75),
    ("Out", 75),
    ("Packets In", 85),
    ("Packets Out", 95),
    ("Queued", 75),
    ("Age", 75),
    ("Last Error", 200),
    ("Made At", 200),
];
const WIDE: i32 = 140;

/// The width of a line of the record.
const RECORD_WIDTH: f32 = 460.0;

/// The tab. The editor owns the nodes, and frees them with the session.
pub(super) struct Table {
    tab: Gd<VBoxContainer>,
    head: Gd<Label>,
    tree: Gd<Tree>,
    /// The record of the selected object.
    record: Gd<RichTextLabel>,
    /// The text in `record`.
    shown: String,
    /// The number of the object that the game records on request, 0 for none.
    watched: i64,
    /// The rows, by the number of the object.
    rows: HashMap<i64, Row>,
}

struct Row {
    item: Gd<TreeItem>,
    counts: Counts,
    /// The texts in the cells.
    texts: [String; COLUMNS.len()],
}

/// What the game has reported about an object.
struct ReceivedReport {
    number: i64,
    /// As the table shows them.
    class: String,
    status: String,
    local: String,
    remote: String,
    counts: Counts,
    packets_received: i64,
    packets_sent: i64,
    queued: i64,
    age: f64,
    error: String,
    origin: String,
}

impl Table {
    pub(super) fn new() -> Table {
        let mut tab = VBoxContainer::new_alloc();
        // The title of the tab.
        tab.set_name("Sockets");
        let mut head = Label::new_alloc();
        head.set_text("No game is running.");
        tab.add_child(&head);
        let mut tree = Tree::new_alloc();
        tree.set_columns(COLUMNS.len() as i32);
        tree.set_column_titles_visible(true);
        tree.set_hide_root(true);
        tree.set_select_mode(SelectMode::ROW);
        for (column, (title, width)) in (0..).zip(COLUMNS) {
            tree.set_column_title(column, title);
            tree.set_column_custom_minimum_width(column, width);
            tree.set_column_expand(column, width >= WIDE);
            tree.set_column_clip_content(column, true);
        }
        tree.create_item();
        let mut record = RichTextLabel::new_alloc();
        record.set_selection_enabled(true);
        record.set_autowrap_mode(AutowrapMode::OFF);
        record.set_custom_minimum_size(Vector2::new(RECORD_WIDTH, 0.0));
        record.hide();
        let mut split = HSplitContainer::new_alloc();
        split.set_v_size_flags(SizeFlags::EXPAND_FILL);
        tree.set_h_size_flags(SizeFlags::EXPAND_FILL);
        split.add_child(&tree);
        split.add_child(&record);
        tab.add_child(&split);
        Table {
            tab,
            head,
            tree,
            record,
            shown: String::new(),
            watched: 0,
            rows: HashMap::new(),
        }
    }

    /// The node that the editor shows.
    pub(super) fn control(&self) -> Gd<VBoxContainer> {
        self.tab.clone()
    }

    pub(super) fn is_visible(&self) -> bool {
        self.tab.is_visible_in_tree()
    }

    /// The game has ended. Its last report stays visible.
    pub(super) fn has_ended(&mut self) {
        self.watched = 0;
        if !self.rows.is_empty() {
            self.head
                .set_text("The game has ended. This is what was seen last:");
        }
    }

    /// The number of the object that the game should record from now on, 0 for none: the selected
    /// one, while the tab is visible. `None` if that has not changed.
    pub(super) fn take_watched(&mut self) -> Option<i64> {
        let selected = self.tree.get_selected().filter(|_| self.is_visible());
        let number = selected.and_then(|selected| {
            let mut rows = self.rows.iter();
            rows.find_map(|(number, row)| (row.item == selected).then_some(*number))
        });
        let number = number.unwrap_or(0);
        if number == 0 {
            self.record.hide();
        }
        (std::mem::replace(&mut self.watched, number) != number).then_some(number)
    }

    /// Shows the record of the selected object.
    pub(super) fn show_record(&mut self, record: &VarArray) {
        let bytes = |place: usize| record.get(place)?.try_to::<PackedByteArray>().ok();
        let events = record.get(1).and_then(|events| events.try_to().ok());
        let events: PackedStringArray = events.unwrap_or_default();
        let mut text = String::from("Events, by the seconds since the game began\n");
        for event in events.as_slice() {
            text += &format!("{event}\n");
        }
        for (title, place) in [("Received", 2), ("Sent", 3)] {
            let bytes = bytes(place).unwrap_or_default();
            text += &format!("\n{title}, the last {} bytes\n", bytes.len());
            text += &dump(bytes.as_slice());
        }
        // An unchanged text is left alone, so that a selection and the scroll position stay.
        if text != self.shown {
            self.record.clear();
            // The editor's font for code.
            let font = self.record.get_theme_font_ex("source");
            if let Some(font) = font.theme_type("EditorFonts").done() {
                self.record.push_font(&font);
            }
            self.record.add_text(&text);
            self.record.pop_all();
            self.shown = text;
        }
        self.record.show();
    }

    /// Shows the answer of the game.
    pub(super) fn show(&mut self, answer: &VarArray) {
        let time = answer
            .get(0)
            .and_then(|time| time.try_to().ok())
            .unwrap_or(0.0);
        let reports: Vec<ReceivedReport> = answer
            .iter_shared()
            .skip(1)
            .filter_map(|row| ReceivedReport::read(&row, time))
            .collect();
        self.head.set_text(&match reports.len() {
            1 => "1 socket object".to_owned(),
            count => format!("{count} socket objects"),
        });
        let numbers: HashSet<i64> = reports.iter().map(|report| report.number).collect();
        self.rows.retain(|number, row| {
            let is_listed = numbers.contains(number);
            if !is_listed {
                row.item.clone().free();
            }
            is_listed
        });
        for report in reports {
            self.update(report);
        }
    }

    fn update(&mut self, report: ReceivedReport) {
        let row = self.rows.entry(report.number).or_insert_with(|| Row {
            item: self.tree.create_item().expect("a tree makes items"),
            counts: report.counts,
            texts: Default::default(),
        });
        let (rate_in, rate_out) = report.counts.rates(row.counts);
        row.counts = report.counts;
        let texts = [
            report.class,
            report.status,
            report.local,
            report.remote,
            size(rate_in),
            size(rate_out),
            size(report.counts.received as f64),
            size(report.counts.sent as f64),
            report.packets_received.to_string(),
            report.packets_sent.to_string(),
            size(report.queued as f64),
            age(report.age),
            report.error,
            report.origin,
        ];
        // Only the cells that have changed are set. With thousands of rows, setting all of them
        // would block the editor at each answer.
        for (column, (shown, text)) in (0..).zip(row.texts.iter_mut().zip(texts)) {
            if *shown != text {
                row.item.set_text(column, &text);
                *shown = text;
            }
        }
    }
}

impl ReceivedReport {
    /// One row of the answer, or `None` if it is not what [`debugger`](crate::debugger) sends.
    fn read(row: &Variant, time: f64) -> Option<ReceivedReport> {
        let row: VarArray = row.try_to().ok()?;
        let text = |place: usize| row.get(place)?.try_to::<String>().ok();
        let number = |place: usize| row.get(place)?.try_to::<i64>().ok();
        Some(ReceivedReport {
            number: number(0)?,
            class: text(1)?,
            status: text(2)?,
            local: text(3)?,
            remote: text(4)?,
            counts: Counts {
                time,
                received: number(5)?,
                sent: number(6)?,
            },
            packets_received: number(7)?,
            packets_sent: number(8)?,
            queued: number(9)?,
            age: row.get(10)?.try_to().ok()?,
            error: text(11)?,
            origin: text(12)?,
        })
    }
}
