//! Looks over the plugin blocks before any is configured: kinds, doubles, external programs,
//! names and counts. Every mistake goes into the report.

use steeple_config::PluginConfig;
use steeple_hcl::{Kind, Problem, Report, nearest};

use crate::rules::KindRule;

/// Which names exist here, by kind.
pub(crate) type Names<'a> = &'a dyn Fn(&str) -> Vec<&'static str>;

/// Checks all blocks of one side against its `rules`; `names` says what is built in here.
pub(crate) fn check(
    configs: &[PluginConfig],
    rules: &[KindRule],
    names: Names<'_>,
    report: &Report,
) {
    for (index, config) in configs.iter().enumerate() {
        let Some(rule) = rules.iter().find(|rule| rule.name == config.kind) else {
            unknown_kind(config, rules, report);
            continue;
        };
        let same = |other: &PluginConfig| other.kind == config.kind && other.name == config.name;
        if configs[..index].iter().any(same) {
            let (kind, name) = (&config.kind, &config.name);
            let text = format!("plugin {kind:?}/{name:?} declared more than once");
            report.add(problem(config, Kind::BadValue, text));
        }
        if config.enabled {
            check_name(config, rule, &names(rule.name), report);
        }
    }
    for rule in rules {
        let wanted = |config: &&PluginConfig| config.enabled && config.kind == rule.name;
        let count = configs.iter().filter(wanted).count();
        if let Some(complaint) = rule.cardinality.complaint(count) {
            let text = format!(
                "plugin type {:?} constraint not satisfied: {complaint}",
                rule.name
            );
            report.add(unplaced("plugins", Kind::Missing, text));
        }
    }
}

fn unknown_kind(config: &PluginConfig, rules: &[KindRule], report: &Report) {
    let known: Vec<&str> = rules.iter().map(|rule| rule.name).collect();
    let text = format!(
        "unsupported plugin type {:?}; there are {}",
        config.kind,
        known.join(", ")
    );
    let suggestion = nearest(&config.kind, known).map(str::to_owned);
    report.add(Problem {
        suggestion,
        ..problem(config, Kind::BadValue, text)
    });
}

fn check_name(config: &PluginConfig, rule: &KindRule, ours: &[&str], report: &Report) {
    let name = config.name.as_str();
    if let Some(command) = &config.cmd {
        let text = format!(
            "external plugins are not supported yet: cannot run {}; remove plugin_cmd to use a \
             built-in plugin",
            command.display()
        );
        report.add(problem(config, Kind::Unsupported, text));
    } else if ours.contains(&name) {
        // Known; its own keys are checked when it is configured.
    } else if rule.of_spire.contains(&name) {
        let text = format!(
            "the built-in plugin {name:?} for type {:?} is not supported yet; {}",
            rule.name,
            listed(ours)
        );
        report.add(problem(config, Kind::Unsupported, text));
    } else {
        let text = format!(
            "no built-in plugin {name:?} for type {:?}; {}",
            rule.name,
            listed(ours)
        );
        let suggestion = nearest(name, ours.iter().copied()).map(str::to_owned);
        report.add(Problem {
            suggestion,
            ..problem(config, Kind::BadValue, text)
        });
    }
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => "there is none of this type yet".to_owned(),
        names => format!("built in: {}", names.join(", ")),
    }
}

/// A problem with a whole block.
fn problem(config: &PluginConfig, kind: Kind, message: String) -> Problem {
    // The block is found through its data.
    let unread = Report::new();
    let data = config.data.section(&unread);
    Problem {
        file: data.file().to_owned(),
        pos: data.pos(),
        section: config.data.path().to_owned(),
        message,
        suggestion: None,
        kind,
    }
}

/// A problem that is at no place in the file.
pub(crate) fn unplaced(section: &str, kind: Kind, message: String) -> Problem {
    Problem {
        file: String::new(),
        pos: steeple_hcl::Pos::default(),
        section: section.to_owned(),
        message,
        suggestion: None,
        kind,
    }
}
