//! Writes the manual page and the shells' completions, made from the command line's definitions:
//!
//! ```sh
//! cargo run -p fastsamd --example manual -- DIR
//! ```
//!
//! `DIR/man/` gets `fastsamd.1` and one page per verb, `DIR/completions/` one file per shell, named as
//! Debian's packages of those shells look for them. `scripts/package` puts them into the package.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Command;
use clap_complete::{Shell, generate};

/// What the definitions don't know, in the language of man(7).
const BEYOND_THE_COMMAND_LINE: &str = r"
.SH FILES
.TP
.I /etc/fastsamd/config.yaml
The configuration of the daemon. Every key with its default stands in the file that was installed there.
.TP
.I /etc/credstore/fastsamd.mqtt-password
The password for the MQTT broker, which the service gets as a credential.
.TP
.I /usr/share/fastsamd/hef
Where networks for Hailo chips lie.
.BR fastsamd-fetch (1)
gets them.
.TP
.I /var/lib/fastsamd
Prompts that were set over MQTT.
.SH ENVIRONMENT
.TP
.B FASTSAMD_MQTT_PASSWORD
Overrides the password for the MQTT broker.
.TP
.B FASTSAMD_LOG
Overrides the log level: error, warn, info, debug or trace.
.TP
.B FASTSAMD_UNTRIED_HAILORT
Set to 1, fastsamd opens a libhailort 4.x that it was not tried with, at your own risk.
.SH SIGNALS
.TP
.BR SIGINT ,\  SIGTERM
End the daemon; a second one ends it at once.
.TP
.B SIGHUP
Has it read its configuration again. The log says what needs a restart.
.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
Failed at work.
.TP
.B 2
The input was wrong: the command line, the configuration, or a file.
.SH SEE ALSO
.BR systemctl (1),
.BR mosquitto_sub (1)
";

fn main() -> io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "usage: manual DIR",
        ));
    };
    let command = fastsamd::cli::command();
    write_manual(&command, &folder.join("man"))?;
    write_completions(command, &folder.join("completions"))
}

fn write_manual(command: &Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // Without the page of `help`, which says what each page says.
    clap_mangen::generate_to(command.clone().disable_help_subcommand(true), folder)?;
    let mut page = fs::OpenOptions::new()
        .append(true)
        .open(folder.join("fastsamd.1"))?;
    page.write_all(BEYOND_THE_COMMAND_LINE.as_bytes())
}

fn write_completions(mut command: Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (shell, file) in [
        (Shell::Bash, "fastsamd"),
        (Shell::Zsh, "_fastsamd"),
        (Shell::Fish, "fastsamd.fish"),
    ] {
        let mut file = fs::File::create(folder.join(file))?;
        generate(shell, &mut command, "fastsamd", &mut file);
    }
    Ok(())
}
