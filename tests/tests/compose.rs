//! The compose file, without Docker: every service's command is one that the binaries here accept, its mounts and
//! dependencies exist, and ports are published on loopback only.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use dodona_tests::paths;
use serde_json::Value;

fn compose() -> Result<Value> {
    let root = paths::root();
    let text = std::fs::read_to_string(root.join("docker-compose.yml"))?;
    Ok(serde_yaml_ng::from_str(&text)?)
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

#[test]
fn services_depend_on_and_mount_what_exists() -> Result<()> {
    let compose = compose()?;
    let services = compose["services"].as_object().context("no services")?;
    assert_eq!(services.keys().collect::<Vec<_>>(), ["chain", "operator", "publisher"]);
    let root = paths::root();
    for (name, service) in services {
        for needed in service["depends_on"].as_object().into_iter().flatten() {
            assert!(services.contains_key(needed.0), "{name} depends on {}, which is no service", needed.0);
        }
        for mount in strings(&service["volumes"]) {
            let (host, _) = mount.split_once(':').context("a mount without a target")?;
            assert!(root.join(host).exists(), "{name} mounts {host}, which does not exist");
        }
        for port in strings(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}: expected loopback only");
        }
    }
    Ok(())
}

/// In an empty folder the commands get as far as their configuration file, and no further: an argument that the binary does not
/// know would be refused before that.
#[test]
fn dodona_accepts_the_commands_of_publisher_and_operator() -> Result<()> {
    let compose = compose()?;
    let empty = tempfile::tempdir()?;
    for (service, verb) in [("publisher", "publish"), ("operator", "run")] {
        let command = strings(&compose["services"][service]["command"]);
        let [program, arguments @ ..] = command.as_slice() else { anyhow::bail!("{service} has no command") };
        assert!(program.ends_with("/dodona"), "{service} runs {program}");
        assert_eq!(arguments.first().map(String::as_str), Some(verb));
        let output = Command::new(paths::binary("dodona")?).args(arguments).current_dir(&empty).output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(errors.contains("deploy/dodona.toml") && !errors.contains("Usage"), "{service}: {errors}");
    }
    Ok(())
}

#[test]
fn anvil_accepts_the_command_of_the_chain() -> Result<()> {
    let compose = compose()?;
    let command = strings(&compose["services"]["chain"]["command"]);
    let [program, arguments @ ..] = command.as_slice() else { anyhow::bail!("chain has no command") };
    // Nothing is started: the options are looked up in the help.
    let options: Vec<&String> = arguments.iter().filter(|a| a.starts_with("--")).collect();
    let output = Command::new(paths::contracts().join(program)).arg("--help").stdin(Stdio::null()).output()?;
    let help = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !options.is_empty());
    for option in options {
        assert!(help.contains(option.as_str()), "anvil has no option {option}");
    }
    Ok(())
}
