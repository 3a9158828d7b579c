//! What the kernel answers: a table from message type to method, one method a message type.

use super::PROTOCOL_VERSION;
use super::batch::Batch;
use super::history::History;
use super::iopub::IoPub;
use super::is_complete::is_complete;
use crate::session::{Completions, Failure, Outcome, Session};
use crate::wire::{Answer, CommMessage, Data, MimeBundle};
use jupyter_protocol::{
    CodeMirrorMode, CommId, CommInfo, CommInfoReply, CommInfoRequest, CompleteReply, CompleteRequest,
    ErrorOutput, ExecuteInput, ExecuteReply, ExecuteRequest, ExecutionCount, ExpressionResult, HelpLink,
    HistoryReply, HistoryRequest, InspectReply, InspectRequest, InterruptReply, IsCompleteReply,
    IsCompleteRequest, JupyterMessage, JupyterMessageContent as Content, KernelInfoReply, LanguageInfo,
    Payload, ReplyError, ReplyStatus, ShutdownReply, ShutdownRequest, Status, UnknownMessage,
};
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use threadbook_jupyter::complaint::complain;
use tokio::sync::mpsc;

/// Where replies go.
pub type Replies = mpsc::UnboundedSender<JupyterMessage>;

/// The kernel's side of the protocol.
pub struct Kernel {
    iopub: IoPub,
    session: Session,
    stop: mpsc::Sender<()>,
    count: AtomicUsize,
    history: History,
    batch: Batch,
}

/// What a message has come to, before anybody is told.
pub struct Handled {
    reply: Option<Content>,
    /// The cells that wait behind it are not to be run.
    pub stops_queue: bool,
}

impl Kernel {
    pub fn new(iopub: IoPub, session: Session, stop: mpsc::Sender<()>) -> Kernel {
        Kernel {
            iopub,
            session,
            stop,
            count: AtomicUsize::new(0),
            history: History::start(),
            batch: Batch::default(),
        }
    }

    /// Ends the session, and writes what is not written yet.
    pub async fn close(&self) {
        self.session.close().await;
        self.history.finish().await;
    }

    /// Whether a message that has just come has to wait for its turn with the engine.
    pub fn needs_engine(&self, message: &JupyterMessage) -> bool {
        match message.content {
            Content::ExecuteRequest(_) => {
                self.session.cell_comes();
                true
            }
            _ => false,
        }
    }

    /// Whether a message is for a comm. Those are handled one after the other, in their order, and do not
    /// wait for a cell.
    pub fn is_for_comm(message: &JupyterMessage) -> bool {
        comm_message(message).is_some()
    }

    /// Answers one message, between a busy and an idle status.
    pub async fn handle(&self, message: &JupyterMessage, replies: &Replies) {
        let handled = self.begin(message).await;
        self.end(message, handled, replies).await;
    }

    /// Does what a message asks for.
    pub async fn begin(&self, message: &JupyterMessage) -> Handled {
        self.publish_status(Status::busy(), message).await;
        let mut stops_queue = false;
        let reply = match &message.content {
            Content::KernelInfoRequest(_) => Some(self.kernel_info_request()),
            Content::ExecuteRequest(request) => {
                let reply = self.execute_request(request, message).await;
                self.session.cell_is_over();
                stops_queue = request.stop_on_error && reply.status == ReplyStatus::Error;
                Some(reply.into())
            }
            Content::CompleteRequest(request) => Some(self.complete_request(request).await.into()),
            Content::InspectRequest(request) => Some(self.inspect_request(request).await.into()),
            Content::IsCompleteRequest(request) => Some(self.is_complete_request(request).into()),
            Content::HistoryRequest(request) => Some(self.history_request(request).await.into()),
            Content::CommInfoRequest(request) => Some(self.comm_info_request(request).into()),
            Content::InterruptRequest(_) => Some(self.interrupt_request().into()),
            Content::ShutdownRequest(request) => Some(self.shutdown_request(request).into()),
            _ => match comm_message(message) {
                // Nobody replies to these; what there is to say comes over the comm.
                Some(said) => {
                    self.session.comm(said, message).await;
                    None
                }
                None => refusal(message.message_type()),
            },
        };
        Handled { reply, stops_queue }
    }

    /// Says what a message has come to.
    pub async fn end(&self, message: &JupyterMessage, handled: Handled, replies: &Replies) {
        if let Some(reply) = handled.reply {
            let _ = replies.send(JupyterMessage::new(reply, Some(message)));
        }
        self.publish_status(Status::idle(), message).await;
        if matches!(message.content, Content::KernelInfoRequest(_)) {
            self.batch.answered();
        }
    }

    /// Publishes what the kernel is doing. What must go on when a front end takes nothing any more, so that
    /// everybody else waits, does not wait for that.
    async fn publish_status(&self, status: Status, message: &JupyterMessage) {
        match message.content {
            Content::InterruptRequest(_) | Content::ShutdownRequest(_) => {
                self.iopub.publish_if_possible(status, message);
            }
            _ => self.iopub.publish(status, message).await,
        }
    }

    /// Answers an execute request that came behind one that failed.
    pub async fn abort(&self, message: &JupyterMessage, replies: &Replies) {
        if !matches!(message.content, Content::ExecuteRequest(_)) {
            self.handle(message, replies).await;
            return;
        }
        self.session.cell_is_over();
        self.iopub.publish(Status::busy(), message).await;
        let reply = ExecuteReply {
            status: ReplyStatus::Aborted,
            execution_count: self.current_count(),
            ..Default::default()
        };
        let _ = replies.send(reply.as_child_of(message));
        self.iopub.publish(Status::idle(), message).await;
    }

    fn current_count(&self) -> ExecutionCount {
        ExecutionCount::new(self.count.load(Ordering::SeqCst))
    }

    fn kernel_info_request(&self) -> Content {
        KernelInfoReply {
            status: ReplyStatus::Ok,
            protocol_version: PROTOCOL_VERSION.into(),
            implementation: "threadbook".into(),
            implementation_version: env!("CARGO_PKG_VERSION").into(),
            language_info: LanguageInfo {
                name: "rust".into(),
                version: self.session.rust_version().into(),
                mimetype: Some("text/rust".into()),
                file_extension: Some(".rs".into()),
                pygments_lexer: Some("rust".into()),
                codemirror_mode: Some(CodeMirrorMode::Simple("rust".into())),
                nbconvert_exporter: None,
            },
            banner: concat!(
                "Threadbook ",
                env!("CARGO_PKG_VERSION"),
                ": Rust notebooks in which concurrency can be seen"
            )
            .into(),
            help_links: [
                ("The Rust Book", "https://doc.rust-lang.org/book/"),
                ("Rust's standard library", "https://doc.rust-lang.org/std/"),
                ("tokio", "https://docs.rs/tokio"),
                ("rayon", "https://docs.rs/rayon"),
            ]
            .map(|(text, url)| HelpLink { text: text.into(), url: url.into() })
            .into(),
            debugger: false,
            error: None,
        }
        .into()
    }

    async fn execute_request(&self, request: &ExecuteRequest, message: &JupyterMessage) -> ExecuteReply {
        let counts = request.store_history && !request.silent;
        if counts {
            self.count.fetch_add(1, Ordering::SeqCst);
            self.history.add(self.current_count().value(), &request.code);
        }
        let execution_count = self.current_count();
        // Before anybody hears of it: an interrupt that comes next is for this cell.
        self.session.cell_waits();
        if !request.silent {
            let input = ExecuteInput { code: request.code.clone(), execution_count };
            self.iopub.publish(input, message).await;
        }
        let is_batch = self.batch.sends(request, message);
        let outcome = self.session.execute(request, message.clone(), execution_count, is_batch).await;
        let mut values = HashMap::new();
        if matches!(outcome, Outcome::Done { .. }) {
            for (name, expression) in request.user_expressions.iter().flatten() {
                values.insert(name.clone(), self.evaluate(expression, message, execution_count).await);
            }
        }
        let user_expressions = Some(values);
        match outcome {
            Outcome::Done { pages, result } => {
                if counts && let Some(text) = result {
                    self.history.set_output(execution_count.value(), text);
                }
                let page = |data: MimeBundle| Payload::Page {
                    data: serde_json::from_value(data.into()).unwrap_or_default(),
                    start: 0,
                };
                let payload = pages.into_iter().map(page).collect();
                ExecuteReply { execution_count, user_expressions, payload, ..Default::default() }
            }
            Outcome::Failed(failure) => {
                let error = ErrorOutput {
                    ename: failure.ename,
                    evalue: failure.evalue,
                    traceback: failure.traceback,
                };
                if !request.silent {
                    self.iopub.publish(error.clone(), message).await;
                }
                ExecuteReply {
                    status: ReplyStatus::Error,
                    execution_count,
                    user_expressions,
                    error: Some(Box::new(ReplyError {
                        ename: error.ename,
                        evalue: error.evalue,
                        traceback: error.traceback,
                    })),
                    ..Default::default()
                }
            }
        }
    }

    /// The value of a user expression. What it prints is for nobody.
    async fn evaluate(
        &self,
        expression: &str,
        message: &JupyterMessage,
        count: ExecutionCount,
    ) -> ExpressionResult {
        let request = ExecuteRequest { code: expression.to_owned(), silent: true, ..Default::default() };
        self.session.cell_waits();
        match self.session.execute(&request, message.clone(), count, false).await {
            Outcome::Done { result, .. } => {
                let data = json!({"text/plain": result.unwrap_or_default()});
                ExpressionResult::Ok {
                    data: serde_json::from_value(data).unwrap_or_default(),
                    metadata: Default::default(),
                }
            }
            Outcome::Failed(Failure { ename, evalue, traceback }) => {
                ExpressionResult::Error { ename, evalue, traceback }
            }
        }
    }

    async fn complete_request(&self, request: &CompleteRequest) -> CompleteReply {
        let Completions { matches, start, end } =
            self.session.complete(&request.code, request.cursor_pos).await;
        // Not in the specification, but what ipykernel sends and front ends show an icon for.
        let types: Vec<_> = matches
            .iter()
            .map(|found| json!({"text": found.text, "type": found.kind, "start": start, "end": end}))
            .collect();
        CompleteReply {
            matches: matches.into_iter().map(|found| found.text).collect(),
            cursor_start: start,
            cursor_end: end,
            metadata: serde_json::from_value(json!({"_jupyter_types_experimental": types}))
                .unwrap_or_default(),
            ..Default::default()
        }
    }

    async fn inspect_request(&self, request: &InspectRequest) -> InspectReply {
        match self.session.inspect(&request.code, request.cursor_pos).await {
            Some(data) => InspectReply {
                found: true,
                data: serde_json::from_value(data.into()).unwrap_or_default(),
                ..Default::default()
            },
            None => InspectReply::default(),
        }
    }

    fn is_complete_request(&self, request: &IsCompleteRequest) -> IsCompleteReply {
        is_complete(&request.code)
    }

    async fn history_request(&self, request: &HistoryRequest) -> HistoryReply {
        HistoryReply { history: self.history.find(request.clone()).await, ..Default::default() }
    }

    /// Takes what the user has entered.
    pub fn input_reply(&self, message: &JupyterMessage) {
        let Content::InputReply(reply) = &message.content else {
            complain(format_args!("dropped a message: {} on stdin", message.content.message_type()));
            return;
        };
        let answer = match &reply.error {
            Some(error) => Answer::Error(error.evalue.clone()),
            None => Answer::Value(reply.value.clone()),
        };
        // Some front ends name no parent, or the cell's request.
        let question = message.parent_header.as_ref().filter(|parent| parent.msg_type == "input_request");
        self.session.answer(question.map(|question| &*question.msg_id), answer);
    }

    /// The client that ran the cell cannot be reached with the question in `message`.
    pub fn cannot_ask(&self, message: &str) {
        let reason = "the front end said that it takes input, but has not opened the channel for it (stdin)";
        self.session.answer(Some(message), Answer::Error(reason.into()));
    }

    fn comm_info_request(&self, request: &CommInfoRequest) -> CommInfoReply {
        let open = self.session.comms().into_iter();
        let wanted =
            open.filter(|(_, target)| request.target_name.as_ref().is_none_or(|name| name == target));
        let comms =
            wanted.map(|(comm_id, target_name)| (CommId(comm_id), CommInfo { target_name })).collect();
        CommInfoReply { comms, ..Default::default() }
    }

    fn interrupt_request(&self) -> InterruptReply {
        self.session.interrupt();
        InterruptReply::default()
    }

    fn shutdown_request(&self, request: &ShutdownRequest) -> ShutdownReply {
        self.session.interrupt();
        let _ = self.stop.try_send(());
        ShutdownReply { restart: request.restart, ..Default::default() }
    }
}

/// What a front end says to a comm, if this is such a message.
fn comm_message(message: &JupyterMessage) -> Option<CommMessage> {
    Some(match message.content.clone() {
        Content::CommOpen(open) => CommMessage::Open {
            comm_id: open.comm_id.0,
            target_name: open.target_name,
            data: open.data,
            metadata: Data::new(),
        },
        Content::CommMsg(msg) => CommMessage::Msg { comm_id: msg.comm_id.0, data: msg.data },
        Content::CommClose(close) => CommMessage::Close { comm_id: close.comm_id.0, data: close.data },
        _ => return None,
    })
}

/// The reply to a message that cannot be understood, or that asks for what there is not here; `None` if it asks
/// for no reply.
fn refusal(msg_type: &str) -> Option<Content> {
    let reason = format!("{msg_type} is not known here, or its content is not what it should be");
    complain(format_args!("dropped a message: {reason}"));
    let unknown = UnknownMessage { msg_type: msg_type.to_owned(), content: json!(null) };
    msg_type.ends_with("_request").then(|| {
        unknown.reply(json!({"status": "error", "ename": "BadRequest", "evalue": reason, "traceback": []}))
    })
}
