"""What can be measured on a page in the browser: pictures, and texts that are not all to be seen."""

from __future__ import annotations

from playwright.sync_api import Page

_OUTPUTS = ".jp-Notebook .jp-CodeCell .jp-OutputArea-output"


def pictures(page: Page) -> list[dict]:
    """The pictures in outputs: the number of the cell, the size, and whether it is drawn, and shown whole."""
    return page.evaluate(
        """outputs => {
            const cells = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')];
            return [...document.querySelectorAll(`${outputs} img, ${outputs} svg`)].map(picture => {
                const {width, height, right} = picture.getBoundingClientRect();
                const drawn = width > 0 && height > 0 && (picture.tagName !== 'IMG' || picture.naturalWidth > 0);
                const room = picture.closest('.jp-OutputArea-output').getBoundingClientRect().right;
                return {cell: cells.indexOf(picture.closest('.jp-CodeCell')), width, height, fits: drawn && right <= room + 1};
            });
        }""",
        _OUTPUTS,
    )


def scrolling_editors(page: Page) -> list[str]:
    """The code of cells with a line that must be scrolled to."""
    return page.evaluate(
        """() => [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .cm-scroller')]
            .filter(editor => editor.scrollWidth > editor.clientWidth + 1)
            .map(editor => editor.textContent)"""
    )


def cut_off_texts(page: Page) -> list[str]:
    """The lines of outputs that end outside of what can be seen or scrolled to, sideways."""
    return page.evaluate(
        """outputs => {
            const scrolls = /auto|scroll/, hides = /hidden|clip/;
            const isCut = (rect, node) => {
                for (; !node.matches('.jp-NotebookPanel-notebook'); node = node.parentElement) {
                    const {overflowX} = getComputedStyle(node), box = node.getBoundingClientRect();
                    if (scrolls.test(overflowX) && node.closest('.jp-OutputArea-output')) return false;
                    if (hides.test(overflowX) && (rect.right > box.right + 1 || rect.left < box.left - 1)) return true;
                }
                return rect.right > node.getBoundingClientRect().right;
            };
            const found = [], range = document.createRange();
            for (const output of document.querySelectorAll(outputs)) {
                const walker = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
                while (walker.nextNode()) {
                    const text = walker.currentNode;
                    range.selectNodeContents(text);
                    if (!/\\w/.test(text.data) || !text.parentElement.checkVisibility()) continue;
                    const cut = [...range.getClientRects()].some(rect => rect.width > 0 && isCut(rect, text.parentElement));
                    if (cut) found.push(text.data.trim());
                }
            }
            return found;
        }""",
        _OUTPUTS,
    )


def texts_outside_of_their_pictures(page: Page) -> list[str]:
    """The labels in SVG pictures that reach over their picture's edge, where they are cut off."""
    return page.evaluate(
        """async outputs => {
            const found = [];
            for (const image of document.querySelectorAll(`${outputs} img`)) {
                if (!image.src.startsWith('data:image/svg+xml')) continue;
                const place = document.createElement('div');
                place.style = 'position: absolute; visibility: hidden';
                place.innerHTML = await (await fetch(image.src)).text();
                document.body.append(place);
                const picture = place.querySelector('svg').getBoundingClientRect();
                for (const label of place.querySelectorAll('svg text')) {
                    const {left, right, top, bottom} = label.getBoundingClientRect();
                    const out = Math.max(picture.left - left, right - picture.right, picture.top - top, bottom - picture.bottom);
                    if (out > 1 && label.textContent.trim()) found.push(`${label.textContent}: by ${out} pixels`);
                }
                place.remove();
            }
            return found;
        }""",
        _OUTPUTS,
    )
