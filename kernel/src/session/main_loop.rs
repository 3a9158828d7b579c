//! The loop of a session: one thread owns the [state](SessionState) and takes in one [event](Event) after the other.
//!
//! While a message waits for room at the front ends, the loop takes in no more output of the supervisor, so a cell waits
//! for a slow front end. Requests and steps of the engine are taken in all the same: an interrupt always arrives.

use super::event::{Event, FromSupervisor};
use super::outbox::{Front, Outgoing};
use super::state::SessionState;
use std::time::Instant;
use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

/// See the module's documentation. Returns when the session is over.
pub async fn run(
    mut state: SessionState,
    mut events: UnboundedReceiver<Event>,
    mut supervisor: Receiver<FromSupervisor>,
    front: impl Front,
) {
    let mut publishing = None;
    while !state.is_over() {
        while publishing.is_none()
            && let Some(next) = state.next_outgoing()
        {
            match next {
                Outgoing::Publish(publication) => publishing = Some(front.publish(publication)),
                Outgoing::Ask(question) => front.ask(*question),
                Outgoing::Reply(reply) => reply(),
            }
        }
        let tick = state.next_tick();
        let event = tokio::select! {
            biased;
            Some(event) = events.recv() => event,
            () = async { publishing.as_mut().expect("a message is published").await }, if publishing.is_some() => {
                publishing = None;
                state.published(Instant::now());
                continue;
            }
            Some(event) = supervisor.recv(), if publishing.is_none() => Event::Supervisor(event),
            () = tokio::time::sleep_until(tick.unwrap_or_else(Instant::now).into()), if tick.is_some() => Event::Tick,
            else => return,
        };
        state.handle(event, Instant::now());
    }
}
