//! Passwords reach the camera, and nobody else.

use std::io::{BufRead, BufReader};

use super::*;

#[test]
fn addresses_are_shown_without_their_secrets() {
    let standin = StandIn::new("header; frame a; exec sleep 1000");
    let mut source = open(&live(&standin));
    assert_eq!(source.describe(), "rtsp://***@cam/1 by ffmpeg");
    next(&mut source);
    assert_eq!(source.describe(), "rtsp://***@cam/1, 64x48 by ffmpeg");
    let shown = format!("{:?}", live(&standin));
    assert!(shown.contains("rtsp://***@cam/1") && !shown.contains("secret"));
}

/// What the child was given: its arguments as anybody reads them, and its standard input.
fn given(settings: &FfmpegSettings, standin: &StandIn) -> (String, String) {
    let source = open(settings);
    let number = standin.file("child");
    let arguments = std::fs::read(format!("/proc/{}/cmdline", number.trim())).unwrap();
    let environment = std::fs::read(format!("/proc/{}/environ", number.trim())).unwrap();
    let input = standin.file("input");
    drop(source);
    let seen = [arguments, environment].concat();
    (String::from_utf8_lossy(&seen).replace('\0', " "), input)
}

#[test]
fn nobody_else_sees_the_password() {
    let script = "cat > $DIR/input; echo $$ > $DIR/child; header; while :; do sleep 1000; done";
    let login = Some(Login {
        username: "operator".into(),
        password: "it's p@ss/w0rd".into(),
    });
    let cases = [
        ("rtsp://user:s3cret@cam/1", None, "rtsp://user:s3cret@cam/1"),
        (
            "rtsp://user:s3c/ret@cam/1",
            None,
            "rtsp://user:s3c%2Fret@cam/1",
        ),
        (
            "http://cam/1?token=s3cret",
            None,
            "http://cam/1?token=s3cret",
        ),
        (
            "http://cam/1",
            login,
            "http://operator:it%27s%20p%40ss%2Fw0rd@cam/1",
        ),
    ];
    for (input, login, sent) in cases {
        let standin = StandIn::new(script);
        let settings = FfmpegSettings {
            input: input.into(),
            login,
            ..live(&standin)
        };
        let (seen, given) = given(&settings, &standin);
        assert!(seen.contains("-i pipe:0"), "{seen}");
        for secret in ["s3c", "ret@", "w0rd", "operator", "token"] {
            assert!(!seen.contains(secret), "{secret} in {seen}");
        }
        assert!(
            given.starts_with(&format!("ffconcat version 1.0\nfile '{sent}'\n")),
            "{given}"
        );
        assert_eq!(
            given.contains("rtsp_flags prefer_tcp"),
            input.starts_with("rtsp")
        );
    }
}

#[test]
fn what_it_says_is_shown_without_pieces_of_the_password() {
    let standin = StandIn::new(
        "echo 'Failed to resolve hostname ss: Name or service not known' >&2
         echo 'rtsp://admin:p@ss/w0rd@cam/1: Invalid argument' >&2
         echo 'path /w0rd@cam' >&2; echo \"Impossible to open '$(sed -n \"s/file //p\")'\" >&2
         echo 'pipe:0: Invalid data found' >&2; exit 1",
    );
    let settings = FfmpegSettings {
        input: "rtsp://admin:p@ss/w0rd@cam/1?user=bob&password=s3cretR".into(),
        ..live(&standin)
    };
    let (log, lines) = log();
    let mut source = Ffmpeg::open(&settings, log).unwrap();
    let error = error(&mut source).to_string();
    let described = format!("{} {settings:?}", source.describe());
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert_eq!(lines[4], "rtsp://***@cam/1?***: Invalid data found");
    for text in lines.iter().chain([&error, &described]) {
        for secret in ["ss:", "p@s", "w0r", "0rd", "s3c", "tR", "bob"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

/// Whether the arguments of any process hold this text.
fn anybody_reads(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut arguments = processes.filter_map(|p| std::fs::read(p.path().join("cmdline")).ok());
    arguments.any(|arguments| String::from_utf8_lossy(&arguments).contains(text))
}

/// A camera that gives the video to whom has this `Authorization`, and nothing to others.
fn http_camera(server: &TcpListener, authorization: &str, video: &[u8]) {
    loop {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = String::new();
        for line in BufReader::new(&stream).lines() {
            let line = line.unwrap();
            if line.is_empty() {
                break;
            }
            request += &(line + "\n");
        }
        if request.contains(&format!("Authorization: {authorization}\n")) {
            let header = "HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n";
            stream.write_all(header.as_bytes()).unwrap();
            stream.write_all(video).unwrap();
            return;
        }
        let refusal = "HTTP/1.0 401 Unauthorized\r\nContent-Length: 0\r\n\
                       WWW-Authenticate: Basic realm=\"camera\"\r\n\r\n";
        stream.write_all(refusal.as_bytes()).unwrap();
    }
}

#[test]
fn ffmpeg_itself_sends_a_password_as_it_is_written_and_shows_it_to_nobody() {
    let Some(folder) = video("a.ts", &["-f", "mpegts"]) else {
        return;
    };
    let video = std::fs::read(folder.path().join("a.ts")).unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = FfmpegSettings {
        login: Some(Login {
            username: "operator".into(),
            password: "p@ss/w0rd #?%{^}\u{fc}'".into(),
        }),
        ..FfmpegSettings::new(format!("http://{}/1", server.local_addr().unwrap()))
    };
    // The words above, in Base64.
    let authorization = "Basic b3BlcmF0b3I6cEBzcy93MHJkICM/JXtefcO8Jw==";
    let camera = thread::spawn(move || http_camera(&server, authorization, &video));
    let mut source = open(&settings);
    let mut frame = Frame::empty();
    assert_eq!(source.capture(&mut frame, LONG).unwrap(), Captured::Frame);
    assert!(!anybody_reads("w0rd"));
    camera.join().unwrap();
}

#[test]
fn ffmpeg_itself_keeps_secrets_too() {
    if !ffmpeg(&["-version"]) {
        return;
    }
    let port = {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        server.local_addr().unwrap().port()
    };
    let (log, lines) = log();
    let address = format!("rtsp://user:secret@127.0.0.1:{port}/1?key=hidden");
    let mut source = Ffmpeg::open(&FfmpegSettings::new(address), log).unwrap();
    let error = error(&mut source).to_string();
    assert!(error.contains("Connection refused"), "{error}");
    for line in lines.lock().unwrap().iter().chain([&error]) {
        assert!(
            !line.contains("secret") && !line.contains("hidden"),
            "{line}"
        );
    }
}
