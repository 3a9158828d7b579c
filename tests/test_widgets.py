"""Widgets over the protocol: comms both ways, while a cell runs and while none does, and whatever else a front end may send."""

from __future__ import annotations

import queue
import time

from helpers import CELL_TIMEOUT, ask, collect, ok, run_cell, running_kernel, send_cell, wait_until

VIEW = "application/vnd.jupyter.widget-view+json"


def send(kc, kind: str, **content) -> str:
    message = kc.session.msg(kind, content)
    kc.shell_channel.send(message)
    return message["header"]["msg_id"]


def update(kc, comm_id: str, **state) -> str:
    return send(kc, "comm_msg", comm_id=comm_id, data={"method": "update", "state": state, "buffer_paths": []})


def click(kc, comm_id: str) -> str:
    return send(kc, "comm_msg", comm_id=comm_id, data={"method": "custom", "content": {"event": "click"}})


def published(kc, until, timeout: float = 20.0) -> list[dict]:
    """What is published up to the first message for which the condition holds, that one included."""
    messages, deadline = [], time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        try:
            messages.append(kc.get_iopub_msg(timeout=left))
        except queue.Empty:
            break
        if until(messages[-1]):
            return messages
    raise AssertionError(f"not published within {timeout:.0f} s; but this was: {messages}")


def idle(request: str):
    return lambda m: m["parent_header"].get("msg_id") == request and m["content"].get("execution_state") == "idle"


def handled(kc, request: str) -> list[dict]:
    return published(kc, idle(request))


def answering(kc, request: str) -> list[dict]:
    """What is published with this request as its parent. An earlier test may have left messages unread."""
    return [message for message in handled(kc, request) if message["parent_header"].get("msg_id") == request]


def of(messages: list[dict], *kinds: str) -> list[dict]:
    return [message for message in messages if message["msg_type"] in kinds]


def shown(kc, code: str) -> str:
    """Runs a cell that shows a widget; returns the model's id."""
    return ok(kc, code).shown[-1][VIEW]["model_id"]


def open_comms(kc) -> dict:
    reply = ask(kc, "comm_info")
    assert reply["status"] == "ok"
    return reply["comms"]


def test_a_widget_opens_its_comms_and_shows_itself(kc):
    code = 'let slider = IntSlider::new(0..=100).with_value(30).description("workers"); slider'
    request = kc.execute(code)
    messages = answering(kc, request)
    opened = of(messages, "comm_open")
    states = [message["content"]["data"]["state"] for message in opened]
    assert [state["_model_name"] for state in states] == ["LayoutModel", "SliderStyleModel", "IntSliderModel"]
    for message in opened:
        assert message["content"]["target_name"] == "jupyter.widget"
        assert message["metadata"] == {"version": "2.1.0"}
        assert message["parent_header"]["msg_id"] == request
    slider = states[-1]
    assert {name: slider[name] for name in ("value", "min", "max", "description")} == {
        "value": 30,
        "min": 0,
        "max": 100,
        "description": "workers",
    }
    assert slider["layout"] == f"IPY_MODEL_{opened[0]['content']['comm_id']}"
    [result] = of(messages, "execute_result")
    model_id = opened[-1]["content"]["comm_id"]
    assert result["content"]["data"] == {
        VIEW: {"version_major": 2, "version_minor": 0, "model_id": model_id},
        "text/plain": "IntSlider(30, 0..=100)",
    }
    assert open_comms(kc)[model_id] == {"target_name": "jupyter.widget"}
    assert ask(kc, "comm_info", target_name="no.such.target")["comms"] == {}


def test_values_go_both_ways(kc):
    slider = shown(kc, "let both = IntSlider::new(0..=100); both")
    handled(kc, update(kc, slider, value=41))
    assert ok(kc, "both.value()").result == "41"
    result = ok(kc, "both.set_value(7);")
    [said] = result.of("comm_msg")
    assert said.content == {"comm_id": slider, "data": {"method": "update", "state": {"value": 7}, "buffer_paths": []}}
    assert not ok(kc, "both.set_value(7);").of("comm_msg"), "what does not change is not told"


def test_a_callback_runs_while_idle_and_prints_under_its_cell(kc):
    result = ok(kc, 'let button = Button::new("go"); button.on_click(|| println!("clicked")); button')
    request = click(kc, result.shown[-1][VIEW]["model_id"])
    messages = handled(kc, request)
    [said] = of(messages, "stream")
    assert said["content"] == {"name": "stdout", "text": "clicked\n"}
    assert said["parent_header"]["msg_type"] == "execute_request"
    statuses = [m["content"]["execution_state"] for m in of(messages, "status")]
    assert statuses == ["busy", "idle"]


def test_a_callback_moves_another_widget(kc):
    bar = shown(kc, "let bar = IntProgress::new(0..=10); bar")
    moves = "let itself = bar.clone(); let more = Button::new(\"more\"); more.on_click(move || itself.set_value(itself.value() + 1)); more"
    button = shown(kc, moves)
    request = click(kc, button)
    [said] = of(handled(kc, request), "comm_msg")
    assert said["content"]["comm_id"] == bar and said["content"]["data"]["state"] == {"value": 1}
    assert said["parent_header"]["msg_id"] == request


def test_a_cell_waits_for_a_value(kc):
    slider = shown(kc, "let awaited = IntSlider::new(0..=9); awaited.on_change(|n| println!(\"heard {n}\")); awaited")
    code = 'println!("waiting"); while awaited.value() < 5 { std::thread::sleep(std::time::Duration::from_millis(5)); } awaited.value()'

    def answer(message):
        if message.kind == "stream" and "waiting" in message.content["text"]:
            update(kc, slider, value=6)

    result = collect(kc, {send_cell(kc, code): code}, timeout=60, on_message=answer)
    [result] = result.values()
    assert result.result == "6"
    assert "heard 6\n" in result.stdout, "while a cell runs, what is printed is its output"


def test_a_cell_asks_while_a_slider_is_moved(kc):
    slider = shown(kc, "let moved = IntSlider::new(0..=9); moved.on_change(|n| println!(\"heard {n}\")); moved")
    code = 'let answer = input("? ")?; format!("{answer} {}", moved.value())'
    request = send_cell(kc, code, allow_stdin=True)
    kc.get_stdin_msg(timeout=CELL_TIMEOUT)
    messages = handled(kc, update(kc, slider, value=6))
    assert "heard 6\n" in [message["content"]["text"] for message in of(messages, "stream")]
    kc.input("Ada")
    assert collect(kc, {request: code})[request].result == '"Ada 6"'


def test_a_panic_in_a_callback_kills_nothing(kc):
    code = 'let mut n = 0; let angry = Button::new("no"); angry.on_click(move || { n += 1; if n == 1 { panic!("ouch") } println!("fine {n}") }); angry'
    button = shown(kc, code)
    [said] = of(handled(kc, click(kc, button)), "stream")
    assert said["content"]["name"] == "stderr" and "ouch" in said["content"]["text"]
    [said] = of(handled(kc, click(kc, button)), "stream")
    assert said["content"] == {"name": "stdout", "text": "fine 2\n"}
    assert ok(kc, "6 * 7").result == "42"


def test_interact_draws_anew_in_its_place(kc):
    result = run_cell(kc, "interact(0..=10, |n| Html(format!(\"<b>{}</b>\", n * n)))")
    assert result.status == "ok", result
    view, drawn = result.of("display_data")
    assert drawn.content["data"]["text/html"] == "<b>0</b>"
    messages = handled(kc, update(kc, view.content["data"][VIEW]["model_id"], value=4))
    [redrawn] = of(messages, "update_display_data")
    assert redrawn["content"]["data"]["text/html"] == "<b>16</b>"
    assert redrawn["content"]["transient"] == drawn.content["transient"]


def test_a_page_that_is_loaded_anew_gets_all_states(kc):
    slider = shown(kc, "let kept = IntSlider::new(0..=100).with_value(3); kept")
    handled(kc, send(kc, "comm_open", comm_id="control-1", target_name="jupyter.widget.control", data={}))
    messages = handled(kc, send(kc, "comm_msg", comm_id="control-1", data={"method": "request_states"}))
    [answer] = of(messages, "comm_msg")
    assert answer["content"]["comm_id"] == "control-1"
    data = answer["content"]["data"]
    assert data["method"] == "update_states" and data["buffer_paths"] == []
    assert data["states"][slider]["model_name"] == "IntSliderModel"
    assert data["states"][slider]["state"]["value"] == 3
    handled(kc, send(kc, "comm_close", comm_id="control-1", data={}))
    assert "control-1" not in open_comms(kc)
    [answer] = of(handled(kc, send(kc, "comm_msg", comm_id=slider, data={"method": "request_state"})), "comm_msg")
    assert answer["content"]["data"]["state"]["value"] == 3


def test_who_goes_closes_its_comms(kc):
    for end in ["going.close();", "drop(going);", "let going = 1;"]:
        model = shown(kc, "let going = IntSlider::new(0..=9); going")
        closed = {message.content["comm_id"] for message in ok(kc, end).of("comm_close")}
        assert closed == {model, f"{model}-layout", f"{model}-style"}, end
        assert model not in open_comms(kc)
    unnamed = shown(kc, "IntSlider::new(0..=9)")
    ok(kc, "1")
    assert unnamed in open_comms(kc), "what no variable holds stays on the page"


def test_boxes_open_what_is_inside_first(kc):
    result = ok(kc, 'let inside = widgets::Text::new("a"); VBox::new(&[&inside, &Checkbox::new(true), &Dropdown::new(["x", "y"]), &Label::new("l"), &FloatSlider::new(0.0..=1.0)])')
    names = [m.content["data"]["state"]["_model_name"] for m in result.of("comm_open")]
    assert [name for name in names if "Style" not in name and name != "LayoutModel"] == [
        "TextModel",
        "CheckboxModel",
        "DropdownModel",
        "LabelModel",
        "FloatSliderModel",
        "VBoxModel",
    ]
    assert result.result == "VBox(5 widgets)"


def test_unknown_targets_are_closed(kc):
    for target in ["no.such.target", "jupyter.widget"]:
        messages = handled(kc, send(kc, "comm_open", comm_id="stranger", target_name=target, data={"state": {}}))
        [closed] = of(messages, "comm_close")
        assert closed["content"]["comm_id"] == "stranger"
        assert "stranger" not in open_comms(kc)


def test_garbage_changes_nothing(kc):
    slider = shown(kc, "let tough = IntSlider::new(0..=9).with_value(2); tough")
    deep: dict = {}
    for _ in range(120):
        deep = {"a": deep}
    for content in [
        {},
        {"comm_id": slider},
        {"comm_id": 7, "data": []},
        {"comm_id": "nobody", "data": {"method": "update", "state": {"value": 1}}},
        {"comm_id": slider, "data": {"method": "update"}},
        {"comm_id": slider, "data": {"method": ["update"], "state": 3}},
        {"comm_id": slider, "data": {"method": "update", "state": {"value": "six", "max": [], "_model_name": "x"}}},
        {"comm_id": slider, "data": {"method": "update", "state": {"value": 1e300}}},
        {"comm_id": slider, "data": {"method": "update", "state": {"min": 500, "value": 3}}},
        {"comm_id": slider, "data": {"method": "update", "state": {"max": -5, "value": 3}}},
        {"comm_id": slider, "data": {"method": "update", "state": {"min": None, "max": 1 << 70, "value": None}}},
        {"comm_id": slider, "data": {"method": "custom", "content": deep}},
        {"comm_id": slider, "data": {"method": "custom", "content": "x" * (1 << 20)}},
    ]:
        send(kc, "comm_msg", **content)
        send(kc, "comm_close", **{**content, "comm_id": "nobody"})
    send(kc, "comm_open", comm_id="x")
    handled(kc, update(kc, slider, value=3))
    assert ok(kc, "tough").result == "IntSlider(3, 0..=9)"


def test_a_callback_without_end_stops_nothing_else(fresh_kernel):
    kc = fresh_kernel.client
    stuck = shown(kc, 'let stuck = Button::new("stuck"); stuck.on_click(|| loop { std::thread::park() }); stuck')
    click(kc, stuck)
    for _ in range(2000):
        click(kc, stuck)
    assert ok(kc, "6 * 7").result == "42"
    request = send_cell(kc, 'input("? ")?', allow_stdin=True)
    kc.get_stdin_msg(timeout=CELL_TIMEOUT)
    kc.input("Ada")
    assert collect(kc, {request: "input"})[request].result == '"Ada"', "answers do not wait for callbacks"
    assert len(open_comms(kc)) == 3
    assert wait_until(lambda: "1024 wait already" in fresh_kernel.log(), 10)


def test_after_a_crash_the_widgets_of_before_go_on(kc):
    old = shown(kc, 'let old = IntSlider::new(0..=9); old.on_change(|n| println!("heard {n}")); old')
    handled(kc, update(kc, old, value=2))
    ok(kc, "old.value()")
    crash = 'let new = IntSlider::new(0..=9); display(&new); old.set_value(8); std::process::abort();'
    result = run_cell(kc, crash)
    new = result.shown[-1][VIEW]["model_id"]
    assert result.status == "error"
    assert wait_until(lambda: new not in open_comms(kc), 10), "it is not there any more"
    assert old in open_comms(kc)
    messages = handled(kc, update(kc, old, value=5))
    assert of(messages, "stream")[-1]["content"]["text"] == "heard 5\n"
    assert ok(kc, "old.value()").result == "5"
    assert shown(kc, "let again = IntSlider::new(0..=9); again") in open_comms(kc)


def test_before_the_first_cell_and_after_a_crash_without_a_checkpoint_there_is_no_comm(kernelspec, tmp_path):
    with running_kernel(tmp_path, env={"THREADBOOK_CHECKPOINT": "0"}) as kernel:
        kc = kernel.client
        messages = handled(kc, send(kc, "comm_open", comm_id="early", target_name="jupyter.widget.control", data={}))
        assert of(messages, "comm_close"), "nobody would answer"
        assert open_comms(kc) == {}
        slider = shown(kc, "let lost = IntSlider::new(0..=9); lost")
        result = run_cell(kc, "std::process::abort()")
        assert slider in {message.content["comm_id"] for message in result.of("comm_close")}
        assert open_comms(kc) == {}
        assert ok(kc, "6 * 7").result == "42"
