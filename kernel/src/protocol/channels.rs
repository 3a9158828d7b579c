//! The five sockets of a kernel, and the tasks that carry messages between them and [`Handlers`].

use super::front::FrontEnds;
use super::handlers::Handlers;
use super::iopub::{self, IoPub};
use super::signer::Signer;
use crate::session::{Session, SessionWorkspace};
use bytes::Bytes;
use jupyter_protocol::{ConnectionInfo, JupyterMessage};
use nix::unistd::{Pid, getppid};
use std::sync::Arc;
use std::time::Duration;
use threadbook_jupyter::complaint::complain;
use threadbook_jupyter::zmtp::{Heartbeat, Listener, Router};
use threadbook_jupyter::{Key, Listeners, message};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The time between two looks at the process that started the kernel.
const PARENT_CHECK: Duration = Duration::from_secs(1);

/// The number of messages to comms that may wait while a callback runs. Front ends send the next one when the last one
/// has been handled, so it takes many of them, or a fault, to have more.
const COMM_QUEUE: usize = 1024;

/// Opens the sockets, starts the session, and serves until `shutdown_request` or the end of `parent`.
pub async fn serve(
    connection: &ConnectionInfo,
    workspace: anyhow::Result<SessionWorkspace>,
    parent: Pid,
) -> anyhow::Result<()> {
    let termination = termination();
    let signer =
        Signer { key: Arc::new(Key::new(&connection.key)), session: uuid::Uuid::new_v4().to_string().into() };
    let Listeners { shell, control, stdin, iopub, heartbeat } = Listeners::bind(connection).await?;

    // The tasks that own a socket; their end is the sockets' end.
    let mut sockets = JoinSet::new();
    let iopub = iopub::start(iopub, signer.clone(), &mut sockets);
    let (asker, questions) = mpsc::unbounded_channel();
    let session = Session::start(workspace, FrontEnds { iopub: iopub.clone(), questions: asker });
    let (stop, mut stopped) = mpsc::channel(1);
    let handlers = Arc::new(Handlers::new(iopub.clone(), session, stop));

    let _heartbeat = Heartbeat::start(heartbeat);
    serve_shell(shell, &signer, &handlers, &mut sockets);
    serve_control(control, &signer, &handlers, &mut sockets);
    let stdin = Router::start(
        stdin,
        receive("stdin", &signer, {
            let handlers = handlers.clone();
            move |message| handlers.input_reply(&message)
        }),
    );
    sockets.spawn(ask_questions(stdin, signer, questions, iopub, handlers.clone()));

    tokio::select! {
        _ = stopped.recv() => {}
        () = parent_death(parent) => {}
        () = termination => {}
    }
    // The reply to the shutdown must still go out.
    tokio::time::sleep(Duration::from_millis(50)).await;
    handlers.close().await;
    sockets.shutdown().await;
    Ok(())
}

/// Serves shell. Requests that need no engine are answered at once; the others go into one queue, so that cells run one
/// after the other, and messages to comms into another.
fn serve_shell(shell: Listener, signer: &Signer, handlers: &Arc<Handlers>, sockets: &mut JoinSet<()>) {
    let (queue, queued) = mpsc::unbounded_channel();
    let (replies, outgoing) = mpsc::unbounded_channel();
    tokio::spawn(serve_queue(handlers.clone(), queued, replies.clone()));
    let (comm_queue, queued) = mpsc::channel(COMM_QUEUE);
    tokio::spawn(serve_comms(handlers.clone(), queued, replies.clone()));
    let handlers = handlers.clone();
    let handle = move |message| {
        if handlers.needs_engine(&message) {
            let _ = queue.send(message);
        } else if Handlers::is_for_comm(&message) {
            if comm_queue.try_send(message).is_err() {
                complain(format_args!("a message of a comm was dropped: {COMM_QUEUE} wait already"));
            }
        } else {
            tokio::spawn(answer(handlers.clone(), message, replies.clone()));
        }
    };
    let shell = Router::start(shell, receive("shell", signer, handle));
    sockets.spawn(send_replies(shell, signer.clone(), outgoing));
}

/// Serves control, which never waits for shell.
fn serve_control(control: Listener, signer: &Signer, handlers: &Arc<Handlers>, sockets: &mut JoinSet<()>) {
    let (replies, outgoing) = mpsc::unbounded_channel();
    let handlers = handlers.clone();
    let handle = move |message| {
        tokio::spawn(answer(handlers.clone(), message, replies.clone()));
    };
    let control = Router::start(control, receive("control", signer, handle));
    sockets.spawn(send_replies(control, signer.clone(), outgoing));
}

/// Handles one message and sends its reply, if there is one.
async fn answer(
    handlers: Arc<Handlers>,
    message: JupyterMessage,
    replies: mpsc::UnboundedSender<JupyterMessage>,
) {
    handlers.handle(&message, &replies).await;
}

/// Handles the messages that need the engine, in order. After a failed cell, the cells that wait already are aborted.
async fn serve_queue(
    handlers: Arc<Handlers>,
    mut queued: mpsc::UnboundedReceiver<JupyterMessage>,
    replies: mpsc::UnboundedSender<JupyterMessage>,
) {
    while let Some(message) = queued.recv().await {
        let handled = handlers.begin(&message).await;
        let mut aborted = Vec::new();
        // Before front ends know of the error: cells that they send after that are meant to be run.
        while handled.stops_queue
            && let Ok(waiting) = queued.try_recv()
        {
            aborted.push(waiting);
        }
        handlers.end(&message, handled, &replies).await;
        for waiting in aborted {
            handlers.abort(&waiting, &replies).await;
        }
    }
}

/// Handles messages to comms, in order.
async fn serve_comms(
    handlers: Arc<Handlers>,
    mut queued: mpsc::Receiver<JupyterMessage>,
    replies: mpsc::UnboundedSender<JupyterMessage>,
) {
    while let Some(message) = queued.recv().await {
        handlers.handle(&message, &replies).await;
    }
}

async fn send_replies(router: Router, signer: Signer, mut outgoing: mpsc::UnboundedReceiver<JupyterMessage>) {
    while let Some(reply) = outgoing.recv().await {
        if let Err(error) = signer.send(&router, reply) {
            complain(format_args!("a reply could not be sent: {error}"));
        }
    }
}

/// Sends questions to the user, each after the outputs before it.
async fn ask_questions(
    router: Router,
    signer: Signer,
    mut questions: mpsc::UnboundedReceiver<JupyterMessage>,
    iopub: IoPub,
    handlers: Arc<Handlers>,
) {
    while let Some(question) = questions.recv().await {
        iopub.drained().await;
        let id = question.header.msg_id.clone();
        if let Err(error) = signer.send(&router, question) {
            complain(format_args!("a question could not be sent: {error}"));
            handlers.cannot_ask(&id);
        }
    }
}

/// Has `handle` handle the messages of a channel. A message that is none, or has no valid signature, is dropped.
fn receive(
    channel: &'static str,
    signer: &Signer,
    handle: impl Fn(JupyterMessage) + Send + Sync + 'static,
) -> impl Fn(Vec<Bytes>) -> Result<(), String> + Send + Sync + 'static {
    let key = signer.key.clone();
    move |frames| {
        let message = message::decode(&frames, &key)
            .map_err(|reason| format!("dropped a message on {channel}: {reason}"))?;
        handle(message);
        Ok(())
    }
}

/// Ends when the process that started this handlers, `parent`, does.
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
