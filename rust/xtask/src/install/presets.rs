//! The presets that Godot exports a game by.

use std::path::Path;

/// A way to export the test's project.
pub struct Preset<'a> {
    /// Its name, which is also Godot's name for the platform.
    pub platform: &'a str,
    pub release: &'a Path,
    pub debug: &'a Path,
    /// What is exported, such as `all_resources`. The main scene is what is selected.
    pub export_filter: &'a str,
    /// Patterns of what is exported besides, separated by commas.
    pub include_filter: &'a str,
}

/// The content of `export_presets.cfg`.
pub fn text(preset: &Preset) -> String {
    let Preset {
        platform,
        release,
        debug,
        export_filter,
        include_filter,
    } = preset;
    format!(
        r#"[preset.0]

name="{platform}"
platform="{platform}"
runnable=true
dedicated_server=false
custom_features=""
export_filter="{export_filter}"
export_files=PackedStringArray("res://main.tscn")
include_filter="{include_filter}"
exclude_filter=""
export_path=""

[preset.0.options]

custom_template/debug="{debug}"
custom_template/release="{release}"
debug/export_console_wrapper=0
binary_format/embed_pck=false
binary_format/architecture="x86_64"
texture_format/s3tc_bptc=true
texture_format/etc2_astc=false
codesign/enable=false
application/modify_resources=false

"#,
        debug = debug.display(),
        release = release.display(),
    )
}
