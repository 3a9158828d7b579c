use super::*;

/// A supervisor without a cell process, and the kernel's end of its wire.
fn supervisor() -> (Supervisor, UnixStream) {
    let pair = || UnixStream::pair().unwrap();
    let (kernel, end) = pair();
    let (stdout, _) = io::pipe().unwrap();
    let (stderr, _) = io::pipe().unwrap();
    let supervisor = Supervisor {
        cell: Pid::this(),
        checkpoint: None,
        alarm: pair().0,
        deaths: pair().0,
        running: false,
        has_begun: false,
        control: pair().0,
        companion: pair().0,
        inbox: InboxWriter::new(pair().0).unwrap(),
        kernel,
        capture: Capture::new(stdout, stderr).unwrap(),
        _other_ends: Vec::new(),
        interrupted: None,
        is_cancelled: false,
    };
    (supervisor, end)
}

#[test]
fn an_unknown_command_is_dropped_and_the_next_one_is_handled() {
    let (mut supervisor, mut kernel) = supervisor();
    for garbage in [&b"{\"type\":\"dance\"}"[..], b"{\"type\":\"sync\"}", b"[", b"\xff", b""] {
        write_frame(&mut kernel, FrameKind::Message, garbage).unwrap();
        assert!(supervisor.handle_command().unwrap(), "{garbage:?}");
    }
    write_message(&mut kernel, &Command::Sync { id: 7 }).unwrap();
    assert!(supervisor.handle_command().unwrap());
    let (_, body) = read_frame(&mut kernel).unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Message>(&body).unwrap(), Message::Synced { id: 7 });
    drop(kernel);
    assert!(!supervisor.handle_command().unwrap(), "the kernel is gone");
}

#[test]
fn a_cell_that_was_interrupted_before_it_began_is_not_begun() {
    let (mut supervisor, mut kernel) = supervisor();
    write_message(&mut kernel, &Command::Interrupt).unwrap();
    write_message(&mut kernel, &Command::Run { cell: RunCell::default() }).unwrap();
    assert!(supervisor.handle_command().unwrap() && supervisor.handle_command().unwrap());
    let (_, body) = read_frame(&mut kernel).unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Message>(&body).unwrap(), Message::Ran { ran: false });
    assert!(!supervisor.has_begun);
}
