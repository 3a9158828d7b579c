"use strict";
// A slide is 1280 by 720 wherever it is shown; the whole is scaled to the window. So it is decided once what
// fits on a slide, and what does not goes on in another one.
const main = document.querySelector("main");
const controls = document.querySelector(".controls");
document.documentElement.classList.add("presenting");

const open = group => group.replaceWith(...group.children);
main.querySelectorAll(".text").forEach(open);

const isFull = slide => slide.scrollHeight > slide.clientHeight + 1;
const introduces = element => element.matches("p, h2, h3, h4, h5, h6");

/** Makes the last thing on a slide smaller until it fits, or as small as is still readable. */
function shrink(slide, least) {
  const last = slide.lastElementChild;
  for (let zoom = 0.95; isFull(slide) && zoom >= least; zoom -= 0.05) last.style.zoom = zoom;
}

function split(slide) {
  const rest = [];
  const moveLast = () => {
    rest.unshift(slide.lastElementChild);
    rest[0].remove();
  };
  while (isFull(slide) && slide.children.length > 1) moveLast();
  if (rest.length > 0) {
    // What leads to a piece of code goes on with it, but neither it nor a heading stays alone.
    while (slide.children.length > 2 && introduces(slide.lastElementChild) && !introduces(rest[0])) moveLast();
    const [first, second] = slide.children;
    const isAlone = second ? slide.children.length === 2 && first.matches(".continued") : true;
    if (isAlone && introduces(slide.lastElementChild)) slide.append(rest.shift());
  }
  shrink(slide, 0.7);
  const last = slide.lastElementChild;
  if (isFull(slide) && last.matches(".cell:not(.solution, .check)")) {
    // Code and output have a slide each.
    open(last);
    slide.append(...rest);
    return split(slide);
  }
  shrink(slide, 0.5);
  if (rest.length === 0) return;
  const next = document.createElement("section");
  next.className = "slide";
  const heading = slide.querySelector("h2, h3, h4, h5, h6, .continued");
  if (heading) {
    const again = document.createElement("p");
    again.className = "continued";
    again.textContent = heading.textContent;
    next.append(again);
  }
  next.append(...rest);
  slide.after(next);
  split(next);
}
for (const slide of [...main.children]) split(slide);

const slides = [...main.children];
slides.forEach((slide, index) => {
  slide.tabIndex = -1;
  slide.setAttribute("aria-label", `Slide ${index + 1} of ${slides.length}`);
});

let current = 0;
function show(index, focus = true) {
  current = Math.max(0, Math.min(slides.length - 1, index));
  slides.forEach((slide, each) => { slide.style.display = each === current ? "" : "none"; });
  controls.querySelector("span").textContent = `${current + 1} / ${slides.length}`;
  history.replaceState(null, "", `#${current + 1}`);
  if (focus) slides[current].focus({ preventScroll: true });
}

function scale() {
  const factor = Math.min(innerWidth / 1280, innerHeight / 720);
  const [x, y] = [(innerWidth - 1280 * factor) / 2, (innerHeight - 720 * factor) / 2];
  main.style.transform = `translate(${x}px, ${y}px) scale(${factor})`;
}

const steps = {
  ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, n: 1,
  ArrowLeft: -1, ArrowUp: -1, PageUp: -1, Backspace: -1, p: -1, Home: -Infinity, End: Infinity,
};
addEventListener("keydown", event => {
  const isUsed = event.key === " " && event.target.closest("summary, button, a");
  if (!(event.key in steps) || isUsed || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  show(current + steps[event.key]);
});
const [back, on] = controls.querySelectorAll("button");
back.addEventListener("click", () => show(current - 1, false));
on.addEventListener("click", () => show(current + 1, false));

// A link to a heading leads to its slide, and the address of a slide to that slide.
function follow() {
  const name = decodeURIComponent(location.hash.slice(1));
  const target = name && document.getElementById(name);
  show(target ? slides.indexOf(target.closest(".slide")) : Number(name || 1) - 1 || 0);
}
addEventListener("hashchange", follow);
addEventListener("resize", scale);
controls.hidden = false;
scale();
follow();
