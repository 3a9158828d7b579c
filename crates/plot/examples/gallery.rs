//! Writes a page with every picture of the gallery as JupyterLab shows it, on its light and its dark theme,
//! and prints the times of the slowest ones: `cargo run -p threadbook-plot --example gallery [FILE]`.

#[path = "../gallery/samples.rs"]
#[allow(dead_code)]
mod samples;

use threadbook_timing::{Measurement, time};

fn main() -> std::io::Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "gallery.html".to_owned());
    let mut page = String::from(
        "<!doctype html><meta charset=\"utf-8\"><title>Gallery</title>\n\
         <style>body{margin:0;font:13px system-ui,sans-serif}section{display:flex}\
         section>div{flex:1;padding:12px 20px;min-width:0}.light{background:#fff;color:#111}\
         .dark{background:#111;color:#eee}pre{overflow:auto;white-space:pre-wrap}</style>\n",
    );
    let mut times = Vec::new();
    for samples::Sample { name, draw, text } in samples::all() {
        let picture = draw();
        times.push((Measurement::new(1, (0..20).map(|_| time(&draw).wall.as_secs_f64())), name));
        // An <img>, as in JupyterLab: no style of the page reaches into it.
        let source = picture.0.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let image = format!("<img style=\"max-width:100%\" src=\"data:image/svg+xml,{source}\">");
        let side = |theme| format!("<div class=\"{theme}\"><h3>{name}</h3>{image}<pre>{text}</pre></div>");
        page += &format!("<section>{}{}</section>\n", side("light"), side("dark"));
    }
    std::fs::write(&file, page)?;
    times.sort_by(|a, b| b.0.median_seconds().total_cmp(&a.0.median_seconds()));
    for (measured, name) in &times[..5] {
        let (low, high) = measured.interval();
        println!("{name}: {:.1?} to draw ({low:.1?} to {high:.1?})", measured.median());
    }
    println!("{file}");
    Ok(())
}
