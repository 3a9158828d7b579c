//! The five sockets of a kernel, and the tasks that carry messages between them and [`Kernel`].

use super::iopub::{self, IoPub};
use super::kernel::Kernel;
use super::stdin::Stdin;
use crate::session::{Session, Workplace};
use bytes::Bytes;
use jupyter_protocol::{ConnectionInfo, JupyterMessage};
use nix::unistd::{Pid, getppid};
use std::sync::Arc;
use std::time::Duration;
use threadbook_jupyter::complaint::complain;
use threadbook_jupyter::zmtp::{Heartbeat, Router};
use threadbook_jupyter::{Key, Listeners, message};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How often to look whether the process that started the kernel is still there.
const PARENT_CHECK: Duration = Duration::from_secs(1);

/// How many messages to comms may wait while a callback runs. Front ends send the next one when the last one
/// has been handled, so it takes many of them, or a fault, to have more.
const COMM_QUEUE: usize = 1024;

/// What messages are signed with, and the session that they are sent in.
#[derive(Clone)]
pub struct Signer {
    pub key: Arc<Key>,
    pub session: Arc<str>,
}

/// Opens the sockets, starts the session, and serves until `shutdown_request` or the end of `parent`.
pub async fn serve(
    connection: &ConnectionInfo,
    workplace: anyhow::Result<Workplace>,
    parent: Pid,
) -> anyhow::Result<()> {
    let termination = termination();
    let signer =
        Signer { key: Arc::new(Key::new(&connection.key)), session: uuid::Uuid::new_v4().to_string().into() };
    let Listeners { shell, control, stdin, iopub, heartbeat } = Listeners::bind(connection).await?;

    // The tasks that own a socket; their end is the sockets' end.
    let mut sockets = JoinSet::new();
    let iopub = iopub::start(iopub, signer.clone(), &mut sockets);
    let (asker, questions) = Stdin::new();
    let session = Session::start(workplace, iopub.clone(), asker);
    let (stop, mut stopped) = mpsc::channel(1);
    let kernel = Arc::new(Kernel::new(iopub.clone(), session, stop));

    let _heartbeat = Heartbeat::start(heartbeat);
    // Control never waits for shell, and shell answers at once what needs no engine; what does goes into
    // one queue, so that cells run one after the other; what is for comms goes into another.
    let (queue, queued) = mpsc::unbounded_channel();
    let (replies, outgoing) = mpsc::unbounded_channel();
    tokio::spawn(serve_queue(kernel.clone(), queued, replies.clone()));
    let (comm_queue, queued) = mpsc::channel(COMM_QUEUE);
    tokio::spawn(serve_comms(kernel.clone(), queued, replies.clone()));
    let shell = Router::start(
        shell,
        receive("shell", &signer, {
            let kernel = kernel.clone();
            move |message| {
                if kernel.needs_engine(&message) {
                    let _ = queue.send(message);
                } else if Kernel::is_for_comm(&message) {
                    if comm_queue.try_send(message).is_err() {
                        complain(format_args!("a message of a comm was dropped: {COMM_QUEUE} wait already"));
                    }
                } else {
                    tokio::spawn(answer(kernel.clone(), message, replies.clone()));
                }
            }
        }),
    );
    sockets.spawn(send_replies(shell, signer.clone(), outgoing));
    let (replies, outgoing) = mpsc::unbounded_channel();
    let control = Router::start(
        control,
        receive("control", &signer, {
            let kernel = kernel.clone();
            move |message| {
                tokio::spawn(answer(kernel.clone(), message, replies.clone()));
            }
        }),
    );
    sockets.spawn(send_replies(control, signer.clone(), outgoing));
    let stdin = Router::start(
        stdin,
        receive("stdin", &signer, {
            let kernel = kernel.clone();
            move |message| kernel.input_reply(&message)
        }),
    );
    sockets.spawn(ask_questions(stdin, signer, questions, iopub, kernel.clone()));

    tokio::select! {
        _ = stopped.recv() => {}
        () = parent_death(parent) => {}
        () = termination => {}
    }
    // What has been said in reply to the shutdown shall still go out.
    tokio::time::sleep(Duration::from_millis(50)).await;
    kernel.close().await;
    sockets.shutdown().await;
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

async fn send_replies(router: Router, signer: Signer, mut outgoing: mpsc::UnboundedReceiver<JupyterMessage>) {
    while let Some(reply) = outgoing.recv().await {
        if let Err(error) = signer.send(&router, reply) {
            complain(format_args!("a reply could not be sent: {error}"));
        }
    }
}

/// Sends questions to the user, each after what was printed before it.
async fn ask_questions(
    router: Router,
    signer: Signer,
    mut questions: mpsc::UnboundedReceiver<JupyterMessage>,
    iopub: IoPub,
    kernel: Arc<Kernel>,
) {
    while let Some(question) = questions.recv().await {
        iopub.drained().await;
        let id = question.header.msg_id.clone();
        if let Err(error) = signer.send(&router, question) {
            complain(format_args!("a question could not be sent: {error}"));
            kernel.cannot_ask(&id);
        }
    }
}

impl Signer {
    fn send(&self, router: &Router, message: JupyterMessage) -> anyhow::Result<()> {
        Ok(router.send(&message::encode(message, &self.session, &self.key)?)?)
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
