//! The five sockets of a kernel, and the tasks that carry messages between them and [`Kernel`].

use super::dated;
use super::iopub::{self, IoPub};
use super::kernel::Kernel;
use super::stdin::Stdin;
use crate::session::{Session, Workplace};
use anyhow::Context;
use jupyter_protocol::{ConnectionInfo, Header, JupyterMessage, JupyterMessageContent, UnknownMessage};
use jupyter_zmq_client as zmq;
use nix::unistd::{Pid, getppid};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use zmq::{RawMessage, RouterRecvConnection, RouterSendConnection};

/// How often to look whether the process that started the kernel is still there.
const PARENT_CHECK: Duration = Duration::from_secs(1);

/// How many messages to comms may wait while a callback runs. Front ends send the next one when the last one
/// has been handled, so it takes many of them, or a fault, to have more.
const COMM_QUEUE: usize = 1024;

/// A socket that fails, fails again at once; nobody wants that in a loop at full speed.
const AFTER_ERROR: Duration = Duration::from_millis(10);

/// Opens the sockets, starts the session, and serves until `shutdown_request` or the end of `parent`.
pub async fn serve(
    connection: &ConnectionInfo,
    workplace: anyhow::Result<Workplace>,
    parent: Pid,
) -> anyhow::Result<()> {
    let termination = termination();
    let id = uuid::Uuid::new_v4().to_string();
    let cannot_bind = || format!("The ports of the connection file cannot be bound on {}", connection.ip);
    let mut heartbeat =
        zmq::create_kernel_heartbeat_connection(connection).await.with_context(cannot_bind)?;
    let shell = zmq::create_kernel_shell_connection(connection, &id).await.with_context(cannot_bind)?;
    let control = zmq::create_kernel_control_connection(connection, &id).await.with_context(cannot_bind)?;
    let stdin = zmq::create_kernel_stdin_connection(connection, &id).await.with_context(cannot_bind)?;
    let publisher =
        zmq::create_kernel_iopub_xpub_connection(connection, &id).await.with_context(cannot_bind)?;

    let iopub = iopub::start(publisher);
    let (asker, questions) = Stdin::new();
    let session = Session::start(workplace, iopub.clone(), asker);
    let (stop, mut stopped) = mpsc::channel(1);
    let kernel = Arc::new(Kernel::new(iopub.clone(), session, stop));

    tokio::spawn(async move {
        loop {
            if let Err(error) = heartbeat.single_heartbeat().await {
                eprintln!("threadbook: heartbeat: {error}");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    });
    // Control never waits for shell, and shell answers at once what needs no engine; what does goes into
    // one queue, so that cells run one after the other; what is for comms goes into another.
    let (queue, queued) = mpsc::unbounded_channel();
    let (replies, outgoing) = mpsc::unbounded_channel();
    let (sender, receiver) = shell.split();
    tokio::spawn(send_replies(sender, outgoing));
    tokio::spawn(serve_queue(kernel.clone(), queued, replies.clone()));
    let (comm_queue, queued) = mpsc::channel(COMM_QUEUE);
    tokio::spawn(serve_comms(kernel.clone(), queued, replies.clone()));
    tokio::spawn(receive(receiver, "shell", {
        let kernel = kernel.clone();
        move |message| {
            if kernel.needs_engine(&message) {
                let _ = queue.send(message);
            } else if Kernel::is_for_comm(&message) {
                if comm_queue.try_send(message).is_err() {
                    eprintln!("threadbook: a message of a comm was dropped: {COMM_QUEUE} wait already");
                }
            } else {
                tokio::spawn(answer(kernel.clone(), message, replies.clone()));
            }
        }
    }));
    let (replies, outgoing) = mpsc::unbounded_channel();
    let (sender, receiver) = control.split();
    tokio::spawn(send_replies(sender, outgoing));
    tokio::spawn(receive(receiver, "control", {
        let kernel = kernel.clone();
        move |message| {
            tokio::spawn(answer(kernel.clone(), message, replies.clone()));
        }
    }));
    let (sender, receiver) = stdin.split();
    tokio::spawn(ask_questions(sender, questions, iopub, kernel.clone()));
    tokio::spawn(receive(receiver, "stdin", {
        let kernel = kernel.clone();
        move |message| kernel.input_reply(&message)
    }));

    tokio::select! {
        _ = stopped.recv() => {}
        () = parent_death(parent) => {}
        () = termination => {}
    }
    // What has been said in reply to the shutdown shall still go out.
    tokio::time::sleep(Duration::from_millis(50)).await;
    kernel.close().await;
    Ok(())
}

/// Handles one message and sends its reply, if there is one.
async fn answer(
    kernel: Arc<Kernel>,
    message: JupyterMessage,
    replies: mpsc::UnboundedSender<JupyterMessage>,
) {
    kernel.handle(&message, &replies).await;
}

/// Handles what needs the engine, in order. After a failed cell, the cells that wait already are aborted.
async fn serve_queue(
    kernel: Arc<Kernel>,
    mut queued: mpsc::UnboundedReceiver<JupyterMessage>,
    replies: mpsc::UnboundedSender<JupyterMessage>,
) {
    while let Some(message) = queued.recv().await {
        let handled = kernel.begin(&message).await;
        let mut aborted = Vec::new();
        // Before anybody knows of the error: what is sent after that is meant to be run.
        while handled.stops_queue
            && let Ok(waiting) = queued.try_recv()
        {
            aborted.push(waiting);
        }
        kernel.end(&message, handled, &replies).await;
        for waiting in aborted {
            kernel.abort(&waiting, &replies).await;
        }
    }
}

/// Handles what is said to comms, in order.
async fn serve_comms(
    kernel: Arc<Kernel>,
    mut queued: mpsc::Receiver<JupyterMessage>,
    replies: mpsc::UnboundedSender<JupyterMessage>,
) {
    while let Some(message) = queued.recv().await {
        kernel.handle(&message, &replies).await;
    }
}

async fn send_replies(
    mut sender: RouterSendConnection,
    mut outgoing: mpsc::UnboundedReceiver<JupyterMessage>,
) {
    while let Some(reply) = outgoing.recv().await {
        if let Err(error) = sender.send(dated(reply)).await {
            eprintln!("threadbook: a reply could not be sent: {error}");
        }
    }
}

/// Sends questions to the user, each after what was printed before it.
async fn ask_questions(
    mut sender: RouterSendConnection,
    mut questions: mpsc::UnboundedReceiver<JupyterMessage>,
    iopub: IoPub,
    kernel: Arc<Kernel>,
) {
    while let Some(question) = questions.recv().await {
        iopub.drained().await;
        let id = question.header.msg_id.clone();
        if let Err(error) = sender.send(dated(question)).await {
            eprintln!("threadbook: a question could not be sent: {error}");
            kernel.cannot_ask(&id);
        }
    }
}

/// Reads messages for ever. What is not one, or not signed with the kernel's key, is logged and dropped.
async fn receive(mut receiver: RouterRecvConnection, channel: &str, handle: impl Fn(JupyterMessage) + Send) {
    use zeromq::SocketRecv;
    loop {
        match receiver.socket.recv().await {
            Ok(multipart) => match decode(multipart, &receiver.mac) {
                Ok(message) => handle(message),
                Err(reason) => eprintln!("threadbook: dropped a message on {channel}: {reason}"),
            },
            Err(error) => {
                eprintln!("threadbook: {channel}: {error}");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }
}

/// Checks and decodes what came over the wire. Content that does not fit its type is kept as an unknown
/// message, so that the sender gets an answer.
pub fn decode(
    multipart: zeromq::ZmqMessage,
    key: &Option<ring::hmac::Key>,
) -> Result<JupyterMessage, String> {
    let raw = RawMessage::from_multipart(multipart, key).map_err(|error| error.to_string())?;
    let header: Header = parse(&raw.jparts[0], "header")?;
    let metadata = parse(&raw.jparts[2], "metadata")?;
    let content: serde_json::Value = parse(&raw.jparts[3], "content")?;
    let content = parse_content(&header.msg_type, content);
    Ok(JupyterMessage {
        zmq_identities: raw.zmq_identities,
        header,
        parent_header: serde_json::from_slice(&raw.jparts[1]).ok(),
        metadata,
        content,
        buffers: raw.jparts[4..].to_vec(),
        channel: None,
    })
}

/// The content as its type, with the defaults that the specification gives to what is left out.
fn parse_content(kind: &str, content: serde_json::Value) -> JupyterMessageContent {
    let mut filled = content.clone();
    if let Some(fields) = filled.as_object_mut() {
        for (name, value) in defaults(kind).as_object().into_iter().flatten() {
            // Python's None stands for what is left out, too.
            if fields.get(name).is_none_or(serde_json::Value::is_null) {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    JupyterMessageContent::from_type_and_content(kind, filled).unwrap_or_else(|error| {
        eprintln!("threadbook: a {kind} has content that it should not have: {error}");
        JupyterMessageContent::UnknownMessage(UnknownMessage { msg_type: kind.to_owned(), content })
    })
}

fn defaults(kind: &str) -> serde_json::Value {
    match kind {
        "execute_request" => json!({"silent": false, "store_history": true, "user_expressions": {}}),
        "comm_open" | "comm_msg" | "comm_close" => json!({"data": {}}),
        "history_request" => json!({
            "output": false, "raw": true, "session": 0, "start": 0, "stop": 0, "n": 0, "unique": false,
        }),
        "inspect_request" => json!({"detail_level": 0}),
        "shutdown_request" => json!({"restart": false}),
        _ => json!({}),
    }
}

fn parse<T: serde::de::DeserializeOwned>(part: &[u8], name: &str) -> Result<T, String> {
    serde_json::from_slice(part).map_err(|error| format!("its {name} is not valid: {error}"))
}

/// Ends when the process that started this kernel, `parent`, does.
async fn parent_death(parent: Pid) {
    if std::env::var_os("JPY_PARENT_PID").is_none() {
        return std::future::pending().await;
    }
    while getppid() == parent {
        tokio::time::sleep(PARENT_CHECK).await;
    }
}

/// Ends when the kernel is asked to end by signal, from the time of the call. Ctrl-C in the terminal of
/// JupyterLab is not for us: interrupts come as messages.
fn termination() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            return std::future::pending().await;
        };
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => {}
            }
        }
    }
}
