//! Plugin blocks: `NodeAttestor "join_token" { plugin_data { .. } }`.
//!
//! Which plugins exist, and how many of a type there may be, is not known here.

use std::path::{Path, PathBuf};

use steeple_hcl::{Kind, Object, OwnedSection, Pos, Section};

/// One plugin block, in the order of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PluginConfig {
    /// The plugin's type, such as `NodeAttestor`.
    pub kind: String,
    /// Its name, such as `join_token`.
    pub name: String,
    /// `enabled`; true unless said otherwise.
    pub enabled: bool,
    /// `plugin_cmd`: the program of an external plugin; none for a built-in.
    pub cmd: Option<PathBuf>,
    /// `plugin_args`, for an external plugin.
    pub args: Vec<String>,
    /// `plugin_checksum`: the program's SHA-256 in hex.
    pub checksum: Option<String>,
    /// `plugin_data`, or what `plugin_data_file` contained when the configuration was read.
    pub data: OwnedSection,
    /// `plugin_data_file`: where the data came from, to be read again on SIGUSR1.
    pub data_file: Option<PathBuf>,
}

impl PluginConfig {
    /// Whether it is a program of its own.
    pub fn is_external(&self) -> bool {
        self.cmd.is_some()
    }
}

/// Reads the section `plugins` of the whole document; it has to be there.
pub fn read(root: &Section<'_>) -> Vec<PluginConfig> {
    let Some(section) = root.section("plugins") else {
        root.tell(
            "plugins",
            "plugins section must be configured",
            Kind::Missing,
        );
        return Vec::new();
    };
    let mut plugins = Vec::new();
    for (kind, of_kind) in section.entries() {
        for (name, block) in of_kind.entries() {
            let block = block.named(format!("plugins.{} {:?}", kind.name, name.name));
            plugins.push(read_block(&kind.name, &name.name, &block));
        }
    }
    plugins
}

fn read_block(kind: &str, name: &str, block: &Section<'_>) -> PluginConfig {
    let text = |key| block.string(key).filter(|text| !text.is_empty());
    let cmd = text("plugin_cmd").map(PathBuf::from);
    let args = block.strings("plugin_args").unwrap_or_default();
    let checksum = text("plugin_checksum");
    if let Some(checksum) = &checksum
        && !is_sha256(checksum)
    {
        block.problem(
            "plugin_checksum",
            "expected a SHA-256: 64 hexadecimal digits",
        );
    }
    let enabled = block.bool("enabled").unwrap_or(true);
    let data_file = block.string("plugin_data_file").map(PathBuf::from);
    let data = read_data(kind, name, block, data_file.as_deref().filter(|_| enabled));
    block.finish_tolerant();
    PluginConfig {
        kind: kind.to_owned(),
        name: name.to_owned(),
        enabled,
        cmd,
        args,
        checksum,
        data,
        data_file,
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The plugin's data from its block or from its file; a file is not looked at if the plugin is
/// disabled.
fn read_data(kind: &str, name: &str, block: &Section<'_>, file: Option<&Path>) -> OwnedSection {
    let here = block.path();
    let inline = block.section("plugin_data");
    if inline.is_some() && block.has("plugin_data_file") {
        let message = format!(
            "failed to create plugin config for {kind:?}/{name:?}: \
             only one of [plugin_data, plugin_data_file] can be used"
        );
        block.tell("plugin_data_file", message, Kind::BadValue);
    } else if let Some(file) = file {
        match load_data_file(file, here) {
            Ok(data) => return data,
            Err(message) => block.tell("plugin_data_file", message, Kind::BadValue),
        }
    }
    match inline {
        Some(inline) => inline.to_owned_section().renamed(here),
        // Nothing is written, but what is wrong with the plugin has a place.
        None => OwnedSection::from_object(block.file(), here, &nothing_at(block.pos())),
    }
}

fn nothing_at(open: Pos) -> Object {
    Object {
        items: Vec::new(),
        open,
        close: Pos::default(),
    }
}

/// Reads a `plugin_data_file`, at start or again on SIGUSR1; `name` is the section's in messages.
///
/// # Errors
/// With SPIRE's text when the file cannot be read, and a place in it when it is no HCL.
pub fn load_data_file(file: &Path, name: &str) -> Result<OwnedSection, String> {
    let failed = "failed to read plugin configuration";
    let shown = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("{failed}: open {shown}: no such file or directory")
        }
        _ => format!("{failed}: open {shown}: {error}"),
    })?;
    let document = steeple_hcl::parse_bytes(&shown, &bytes)
        .map_err(|error| format!("{failed}: {shown}: {error}"))?;
    Ok(OwnedSection::from_object(&shown, name, &document.root))
}
