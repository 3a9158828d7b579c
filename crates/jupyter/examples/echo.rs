//! A kernel that answers each cell with the cell's own text: `echo CONNECTION_FILE`.

use bytes::Bytes;
use jupyter_protocol::{
    ExecuteInput, ExecuteReply, ExecuteResult, ExecutionCount, IoPubWelcome, JupyterMessage,
    JupyterMessageContent as Content, KernelInfoReply, LanguageInfo, MediaType, ReplyStatus, ShutdownReply,
    Status,
};
use std::sync::Arc;
use threadbook_jupyter::zmtp::{Heartbeat, Publisher, Router};
use threadbook_jupyter::{Key, Listeners, connection, message};
use tokio::sync::mpsc;

type Error = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let path = std::env::args_os().nth(1).ok_or("Name the connection file")?;
    let info = connection::read(path.as_ref())?;
    let key = Arc::new(Key::new(&info.key));
    let Listeners { shell, control, stdin: _stdin, iopub, heartbeat } = Listeners::bind(&info).await?;
    let (requests, mut queue) = mpsc::unbounded_channel();
    let receive = |channel: usize| {
        let (key, requests) = (key.clone(), requests.clone());
        move |frames: Vec<Bytes>| {
            let request = message::decode(&frames, &key)?;
            requests.send((channel, request)).map_err(|error| error.to_string())
        }
    };
    let _heartbeat = Heartbeat::start(heartbeat);
    let routers = [Router::start(shell, receive(0)), Router::start(control, receive(1))];
    let mut iopub = Publisher::start(iopub, {
        let key = key.clone();
        move |topic| {
            let welcome = IoPubWelcome::new(String::from_utf8_lossy(topic).into_owned());
            let mut welcome = JupyterMessage::new(welcome, None);
            welcome.zmq_identities = vec![Bytes::copy_from_slice(topic)];
            message::encode(welcome, "echo", &key).ok()
        }
    });

    let mut count = 0;
    while let Some((channel, request)) = queue.recv().await {
        let mut shown: Vec<Content> = vec![Status::busy().into()];
        let reply: Content = match &request.content {
            Content::KernelInfoRequest(_) => kernel_info().into(),
            Content::ExecuteRequest(cell) => {
                count += 1;
                let execution_count = ExecutionCount::new(count);
                shown.push(ExecuteInput { code: cell.code.clone(), execution_count }.into());
                let text = MediaType::Plain(cell.code.clone()).into();
                shown.push(ExecuteResult::new(execution_count, text).into());
                ExecuteReply { execution_count, ..Default::default() }.into()
            }
            Content::ShutdownRequest(request) => {
                ShutdownReply { restart: request.restart, ..Default::default() }.into()
            }
            _ => continue,
        };
        let ends = matches!(reply, Content::ShutdownReply(_));
        let reply = message::encode(JupyterMessage::new(reply, Some(&request)), "echo", &key)?;
        shown.push(Status::idle().into());
        for content in shown {
            let mut message = JupyterMessage::new(content, Some(&request));
            message.zmq_identities = vec![message.header.msg_type.clone().into()];
            iopub.send(&message::encode(message, "echo", &key)?).await;
        }
        routers[channel].send(&reply)?;
        if ends {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            break;
        }
    }
    Ok(())
}

fn kernel_info() -> KernelInfoReply {
    KernelInfoReply {
        status: ReplyStatus::Ok,
        protocol_version: "5.3".into(),
        implementation: "echo".into(),
        implementation_version: "1".into(),
        language_info: LanguageInfo {
            name: "echo".into(),
            version: "1".into(),
            mimetype: None,
            file_extension: None,
            pygments_lexer: None,
            codemirror_mode: None,
            nbconvert_exporter: None,
        },
        banner: "Echo".into(),
        help_links: Vec::new(),
        debugger: false,
        error: None,
    }
}
