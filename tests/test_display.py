"""What cells show: in many formats, with metadata, and changed in its place."""

from __future__ import annotations

from helpers import ok


def ids(result, kind: str) -> list[str]:
    return [m.content["transient"].get("display_id") for m in result.of(kind)]


def test_a_handle_changes_what_is_on_show_in_its_place(kc):
    cell = 'let status = display_handle(&Markdown("starting".into()));\ndisplay(&"between");'
    result = ok(kc, cell)
    [shown, between] = result.of("display_data")
    assert shown.content["data"]["text/markdown"] == "starting"
    assert between.content["data"]["text/plain"] == '"between"'
    display_id = shown.content["transient"]["display_id"]
    later = ok(kc, 'std::thread::sleep(std::time::Duration::from_millis(40));\nstatus.update(&Html("<b>done</b>".into()));')
    assert ids(later, "update_display_data") == [display_id], later
    assert later.of("update_display_data")[0].content["data"]["text/html"] == "<b>done</b>"
    assert not later.of("display_data"), later


def test_a_tight_loop_of_updates_does_not_flood_and_ends_with_the_last(kc):
    ok(kc, "let counter = display_handle(&0);")
    result = ok(kc, "for n in 1..=10_000 { counter.update(&n); }")
    updates = [m.content["data"]["text/plain"] for m in result.of("update_display_data")]
    assert updates[-1] == "10000", result
    assert len(updates) < 1000, len(updates)


def test_any_format_with_metadata(kc):
    result = ok(
        kc,
        'display(&Bundle::new().bytes("image/jpeg", &[1, 2, 3]).sized("image/jpeg", 320, 200)\n'
        '    .json("application/vnd.vega.v5+json", serde_json::json!({"a": [1]})).text("text/plain", "a photo"));\n'
        'Latex("$x^2$".into())',
    )
    [shown] = result.of("display_data")
    assert shown.content["data"] == {
        "image/jpeg": "AQID",
        "application/vnd.vega.v5+json": {"a": [1]},
        "text/plain": "a photo",
    }
    assert shown.content["metadata"] == {"image/jpeg": {"width": 320, "height": 200}}
    assert result.results == [{"text/latex": "$x^2$", "text/plain": "$x^2$"}], result


def test_an_own_type_offers_how_it_looks(kc):
    ok(
        kc,
        """
        struct Traffic(bool);
        impl std::fmt::Debug for Traffic {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                threadbook::offer::<Self>(|| {
                    [("text/html".into(), format!("<b>{}</b>", if self.0 { "go" } else { "wait" }).into())].into_iter().collect()
                });
                write!(f, "Traffic({})", self.0)
            }
        }
        """,
    )
    result = ok(kc, "display(&Traffic(false));\nTraffic(true)")
    assert result.displays == [{"text/html": "<b>wait</b>", "text/plain": "Traffic(false)"}], result
    assert result.results == [{"text/html": "<b>go</b>", "text/plain": "Traffic(true)"}], result


def test_the_names_live_with_those_of_plotters(kc):
    assert ok(kc, "{ use plotters::prelude::*; let _ = (Bundle::new(), Circle::new((0, 0), 1, &RED)); 1 }").result == "1"
