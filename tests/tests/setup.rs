//! `scripts/setup` on painted machines: folders that hold what a machine has, and no more.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use Thing::{File, Library, Link, Program};

/// What a machine has.
#[derive(Clone, Copy)]
enum Thing {
    /// A program in `usr/bin`, as a shell script.
    Program(&'static str, &'static str),
    /// A shared library, as far as its first bytes tell.
    Library(&'static str),
    /// A file with nothing in it.
    File(&'static str),
    /// A link, and what it leads to.
    Link(&'static str, &'static str),
}

impl Thing {
    fn paint(self, root: &Path) {
        let place = |name: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            path
        };
        match self {
            Program(name, script) => {
                let path = place(&format!("usr/bin/{name}"));
                fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a written file");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
            }
            Library(name) => fs::write(place(name), b"\x7fELF\x02\x01").expect("a written file"),
            File(name) => fs::write(place(name), b"").expect("a written file"),
            Link(name, target) => symlink(target, place(name)).expect("a link"),
        }
    }
}

const ROOT: Thing = Program("id", "echo 0");
const USER: Thing = Program("id", "echo 1000");
const CARGO: Thing = Program("cargo", "exit 1");
const CC: Thing = Program("cc", "exit 0");
const AR: Thing = Program("ar", "exit 0");
const SUDO: Thing = Program("sudo", r#"exec "$@""#);

/// A library without version, and its headers.
const LIBCLANG: Thing = Library("usr/lib/llvm-14/lib/libclang.so");
const OWN_HEADERS: Thing = File("usr/lib/llvm-14/lib/clang/14.0.6/include/stddef.h");
/// What is easily taken for it.
const LIBCLANG_CPP: Thing = Library("usr/lib/llvm-14/lib/libclang-cpp.so.14");

const NO_LIBCLANG: &str = "setup: libclang is missing; \
    install it: apt: libclang-dev, dnf: clang-devel, pacman: clang\n";

struct Case {
    name: &'static str,
    machine: &'static [Thing],
    words: &'static [&'static str],
    libclang_path: Option<&'static str>,
    code: i32,
    output: &'static str,
    errors: &'static str,
}

/// What `--would-install` answers: packages, a line each.
const fn lacks(name: &'static str, machine: &'static [Thing], output: &'static str) -> Case {
    Case {
        name,
        machine,
        words: &["--would-install", "build"],
        libclang_path: None,
        code: 0,
        output,
        errors: "",
    }
}

/// What setup itself says.
const fn says(
    name: &'static str,
    machine: &'static [Thing],
    code: i32,
    errors: &'static str,
) -> Case {
    Case {
        name,
        machine,
        words: &["build"],
        libclang_path: None,
        code,
        output: "",
        errors,
    }
}

const CASES: &[Case] = &[
    lacks("nothing", &[], "build-essential\nlibclang-dev\n"),
    lacks("all", &[CC, AR, LIBCLANG, OWN_HEADERS], ""),
    lacks(
        "libclang-cpp alone",
        &[CC, AR, LIBCLANG_CPP, OWN_HEADERS],
        "libclang-dev\n",
    ),
    lacks(
        "libclang-cpp as Debian links it",
        &[
            CC,
            AR,
            LIBCLANG_CPP,
            OWN_HEADERS,
            Link(
                "usr/lib/x86_64-linux-gnu/libclang-cpp.so.14",
                "../llvm-14/lib/libclang-cpp.so.14",
            ),
        ],
        "libclang-dev\n",
    ),
    lacks(
        "a library whose name goes on",
        &[CC, AR, Library("usr/lib/libclangFormat.so.14"), OWN_HEADERS],
        "libclang-dev\n",
    ),
    lacks(
        "a library without its own headers",
        &[
            CC,
            AR,
            Library("usr/lib/x86_64-linux-gnu/libclang-14.so.14.0.6"),
        ],
        "libclang-common-14-dev\n",
    ),
    lacks(
        "a library with another version's headers",
        &[
            CC,
            AR,
            Library("usr/lib/x86_64-linux-gnu/libclang-19.so.19.1.7"),
            OWN_HEADERS,
        ],
        "libclang-common-19-dev\n",
    ),
    lacks(
        "two libraries, and headers for the older: bindgen takes the newer",
        &[
            CC,
            AR,
            Library("usr/lib/x86_64-linux-gnu/libclang-14.so.14.0.6"),
            Library("usr/lib/x86_64-linux-gnu/libclang-19.so.19.1.7"),
            OWN_HEADERS,
        ],
        "libclang-common-19-dev\n",
    ),
    lacks(
        "libclang1 alone, with headers",
        &[
            CC,
            AR,
            Library("usr/lib/x86_64-linux-gnu/libclang-14.so.14.0.6"),
            Link(
                "usr/lib/x86_64-linux-gnu/libclang-14.so.1",
                "libclang-14.so.14.0.6",
            ),
            Link(
                "usr/lib/llvm-14/lib/libclang.so.1",
                "../../x86_64-linux-gnu/libclang-14.so.1",
            ),
            OWN_HEADERS,
        ],
        "",
    ),
    lacks(
        "a version of the interface only",
        &[
            CC,
            AR,
            Library("usr/lib/llvm-14/lib/libclang.so.1"),
            OWN_HEADERS,
        ],
        "",
    ),
    lacks(
        "Debian 13",
        &[
            CC,
            AR,
            Library("usr/lib/x86_64-linux-gnu/libclang-19.so.19.1.7"),
            Link(
                "usr/lib/llvm-19/lib/libclang.so",
                "../../x86_64-linux-gnu/libclang-19.so.19.1.7",
            ),
            File("usr/lib/llvm-19/lib/clang/19/include/stddef.h"),
        ],
        "",
    ),
    lacks(
        "Fedora",
        &[
            CC,
            AR,
            Library("usr/lib64/libclang.so.17"),
            File("usr/lib/clang/17/include/stddef.h"),
        ],
        "",
    ),
    lacks(
        "Arch",
        &[
            CC,
            AR,
            Library("usr/lib/libclang.so.18.1.8"),
            Link("usr/lib/libclang.so.13", "libclang.so.18.1.8"),
            File("usr/lib/clang/18/include/stddef.h"),
        ],
        "",
    ),
    lacks(
        "a link that leads nowhere",
        &[
            CC,
            AR,
            Link("usr/lib/llvm-14/lib/libclang.so", "../libclang-14.so.1"),
            OWN_HEADERS,
        ],
        "libclang-dev\n",
    ),
    lacks(
        "a linker script in the library's place",
        &[CC, AR, File("usr/lib/llvm-14/lib/libclang.so"), OWN_HEADERS],
        "libclang-dev\n",
    ),
    lacks(
        "the library where llvm-config says",
        &[
            CC,
            AR,
            Program("llvm-config", "echo /opt/llvm"),
            Library("opt/llvm/lib/libclang.so.17.0.6"),
            File("opt/llvm/lib/clang/17/include/stddef.h"),
        ],
        "",
    ),
    lacks(
        "a cc that links to nowhere",
        &[Link("usr/bin/cc", "gcc"), AR, LIBCLANG, OWN_HEADERS],
        "build-essential\n",
    ),
    lacks(
        "a cc that can't link",
        &[Program("cc", "exit 1"), AR, LIBCLANG, OWN_HEADERS],
        "build-essential\n",
    ),
    lacks(
        "a cc without the kernel's headers",
        &[
            Program("cc", "! grep -q linux/videodev2.h"),
            AR,
            LIBCLANG,
            OWN_HEADERS,
        ],
        "linux-libc-dev\n",
    ),
    lacks("no ar", &[CC, LIBCLANG, OWN_HEADERS], "binutils\n"),
    Case {
        words: &["--would-install", "test"],
        ..lacks(
            "nothing for the tests",
            &[CC, AR, LIBCLANG, OWN_HEADERS],
            "mosquitto\nmosquitto-clients\nffmpeg\n",
        )
    },
    Case {
        words: &["--would-install", "test"],
        ..lacks(
            "all for the tests, mosquitto where Debian keeps it",
            &[
                CC,
                AR,
                LIBCLANG,
                OWN_HEADERS,
                Program("../sbin/mosquitto", ""),
                Program("mosquitto_passwd", ""),
                Program("mosquitto_sub", ""),
                Program("ffmpeg", ""),
            ],
            "",
        )
    },
    Case {
        libclang_path: Some("/opt/llvm/lib"),
        ..lacks(
            "LIBCLANG_PATH is a folder",
            &[
                CC,
                AR,
                Library("opt/llvm/lib/libclang.so.17.0.6"),
                File("opt/llvm/lib/clang/17/include/stddef.h"),
            ],
            "",
        )
    },
    Case {
        libclang_path: Some("/opt/llvm/lib/libclang.so"),
        ..lacks(
            "LIBCLANG_PATH is a file",
            &[
                CC,
                AR,
                Library("opt/llvm/lib/libclang.so"),
                File("opt/llvm/lib/clang/17/include/stddef.h"),
            ],
            "",
        )
    },
    Case {
        libclang_path: Some("/opt/llvm/lib"),
        ..says(
            "LIBCLANG_PATH leads elsewhere: no package helps",
            &[
                ROOT,
                CARGO,
                CC,
                AR,
                LIBCLANG,
                OWN_HEADERS,
                Program("apt-get", "exit 1"),
            ],
            1,
            "setup: LIBCLANG_PATH is /opt/llvm/lib, but there is no libclang; correct or unset it\n",
        )
    },
    says(
        "all is there",
        &[ROOT, CARGO, CC, AR, LIBCLANG, OWN_HEADERS],
        0,
        "",
    ),
    says(
        "no apt-get",
        &[ROOT, CARGO, CC, AR, LIBCLANG_CPP],
        1,
        NO_LIBCLANG,
    ),
    says(
        "neither root nor sudo",
        &[
            USER,
            CARGO,
            CC,
            AR,
            LIBCLANG_CPP,
            Program("apt-get", "exit 0"),
        ],
        1,
        NO_LIBCLANG,
    ),
    says(
        "a cc that can't link, and why",
        &[
            ROOT,
            CARGO,
            Program("cc", "echo 'ld: cannot find Scrt1.o' >&2; exit 1"),
            AR,
            LIBCLANG,
            OWN_HEADERS,
        ],
        1,
        "setup: a C compiler that links (cc: ld: cannot find Scrt1.o) is missing; \
         install it: apt: build-essential, dnf: gcc, pacman: base-devel\n",
    ),
    says(
        "the headers of a library by its name",
        &[ROOT, CARGO, CC, AR, Library("usr/lib64/libclang.so.17.0.6")],
        1,
        "setup: the stddef.h of /usr/lib64/libclang.so.17.0.6 is missing; \
         install it: apt: libclang-common-17-dev, dnf: clang-devel, pacman: clang\n",
    ),
    says(
        "no Rust",
        &[ROOT, CC, AR, LIBCLANG, OWN_HEADERS],
        1,
        "setup: cargo is missing; install Rust with rustup (https://rustup.rs)\n",
    ),
    says(
        "apt-get knows no such package",
        &[
            ROOT,
            CARGO,
            CC,
            AR,
            Program(
                "apt-get",
                "[ $1 = update ] || { echo 'E: Unable to locate package libclang-dev'; echo bye; exit 100; }",
            ),
        ],
        1,
        "setup: installing libclang-dev\n\
         setup: libclang-dev can't be installed: apt-get install: E: Unable to locate package libclang-dev\n",
    ),
    says(
        "apt-get reaches no server",
        &[
            ROOT,
            CARGO,
            CC,
            AR,
            Program(
                "apt-get",
                "if [ $1 = update ]; then echo 'E: no network'; else echo 'E: no package'; fi; exit 100",
            ),
        ],
        1,
        "setup: installing libclang-dev\n\
         setup: libclang-dev can't be installed: apt-get update: E: no network\n",
    ),
    says(
        "apt-get installs something else",
        &[ROOT, CARGO, CC, AR, Program("apt-get", "exit 0")],
        1,
        "setup: installing libclang-dev\n\
         setup: libclang is missing; install it: apt: libclang-dev, dnf: clang-devel, pacman: clang\n",
    ),
    says(
        "a user with sudo",
        &[
            USER,
            SUDO,
            CARGO,
            CC,
            AR,
            OWN_HEADERS,
            LIBCLANG_CPP,
            Program(
                "apt-get",
                r#"[ "$*" != "install -y -qq --no-install-recommends libclang-dev" ] ||
                printf '\177ELF\002' >"${0%/bin/apt-get}/lib/llvm-14/lib/libclang.so""#,
            ),
        ],
        0,
        "setup: installing libclang-dev\n",
    ),
    says(
        "nothing, and nobody who could bring it",
        &[USER],
        1,
        "setup: a C compiler that links is missing; install it: apt: build-essential, dnf: gcc, pacman: base-devel\n\
         setup: libclang is missing; install it: apt: libclang-dev, dnf: clang-devel, pacman: clang\n\
         setup: cargo is missing; install Rust with rustup (https://rustup.rs)\n",
    ),
];

/// One test for all: while another thread starts a program, a script that has just been written can't
/// be run.
#[test]
fn setup_sees_what_a_machine_has() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/setup");
    let mut wrong = Vec::new();
    for case in CASES {
        let folder = tempfile::tempdir().expect("a folder");
        for thing in case.machine {
            thing.paint(folder.path());
        }
        let mut setup = Command::new(&script);
        for variable in [
            "BINDGEN_EXTRA_CLANG_ARGS",
            "LD_LIBRARY_PATH",
            "LIBCLANG_PATH",
            "LIBRARY_PATH",
            "LLVM_CONFIG_PATH",
        ] {
            setup.env_remove(variable);
        }
        if let Some(path) = case.libclang_path {
            setup.env("LIBCLANG_PATH", path);
        }
        let said = setup
            .arg("--root")
            .arg(folder.path())
            .args(case.words)
            .output()
            .expect("scripts/setup");
        let found = (
            said.status.code(),
            String::from_utf8_lossy(&said.stdout).into_owned(),
            String::from_utf8_lossy(&said.stderr).into_owned(),
        );
        let expected = (
            Some(case.code),
            case.output.to_owned(),
            case.errors.to_owned(),
        );
        if found != expected {
            wrong.push(format!("{}:\n  {found:?}, not\n  {expected:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
