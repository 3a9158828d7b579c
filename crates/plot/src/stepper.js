// A slider and two buttons above the picture of a schedule, which is the element before this script. They need no
// kernel and no network. Where scripts do not run, the picture stands alone, with all of its steps.
(image => {
  if (!image) return;
  const bytes = Uint8Array.from(atob(image.src.split(",")[1]), letter => letter.charCodeAt(0));
  const text = new TextDecoder().decode(bytes);
  const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  const parts = [...svg.querySelectorAll("[data-step]")];
  const last = Math.max(...parts.map(part => part.dataset.step));
  const bar = document.createElement("div");
  // JupyterLab leaves the keys of these controls alone.
  bar.dataset.lmSuppressShortcuts = "true";
  bar.style.cssText = "display:flex;align-items:center;gap:8px;margin:2px 0 6px;max-width:720px";
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 1, max: last, value: last });
  slider.setAttribute("aria-label", "step");
  slider.style.flex = "1";
  const label = document.createElement("span");
  label.style.cssText = "min-width:8.5em;font-variant-numeric:tabular-nums";
  const show = step => {
    slider.value = step;
    label.textContent = `step ${slider.value} of ${last}`;
    for (const part of parts) part.style.visibility = +part.dataset.step > +slider.value ? "hidden" : "";
  };
  const button = (text, name, by) => {
    const button = document.createElement("button");
    button.textContent = text;
    button.setAttribute("aria-label", name);
    button.onclick = () => show(+slider.value + by);
    return button;
  };
  slider.oninput = () => show(slider.value);
  bar.append(button("\u25c0", "one step back", -1), slider, button("\u25b6", "one step forward", 1), label);
  image.replaceWith(bar, svg);
  show(last);
})(document.currentScript?.previousElementSibling);
