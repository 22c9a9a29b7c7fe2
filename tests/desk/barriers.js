// Runs in a page that has loaded axe: what axe finds, and contrasts that nobody has decided.
//
// axe cannot decide two kinds that come up here. Text of a drawing: its colour is compared with that of the page, unless
// something drawn lies behind it. Cells of a table that scrolls inside itself on a narrow screen: they have the colours of
// the cells beside them, which are decided, and are decided themselves on a wide one.
async () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const [r, g, b] = rgb(colour).slice(0, 3).map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgb(colour)[3] === 255) return colour;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? '#121212' : '#fff';
  };
  const contrast = (one, other) => {
    const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const covered = (text, svg) => {
    const box = text.getBoundingClientRect();
    return [...svg.querySelectorAll('rect, path, circle, polygon, line')].some((shape) => {
      const other = shape.getBoundingClientRect();
      return getComputedStyle(shape).fill !== 'none' && !(text.compareDocumentPosition(shape) & 4) &&
        other.left < box.right && other.right > box.left && other.top < box.bottom && other.bottom > box.top;
    });
  };
  const decided = (node) => {
    const element = document.querySelector(node.target[0]);
    const why = node.any.map((one) => (one.data || {}).messageKey);
    if (why.includes('elmPartiallyObscured') && element.closest('.desk-table')) return true;
    const svg = element.closest('svg');
    return svg && !covered(element, svg) && contrast(getComputedStyle(element).fill, ground(svg)) >= 4.5;
  };
  const why = (node) => node.any.map((one) => (one.data || {}).messageKey).filter(Boolean).join(' ');
  const told = (id, nodes) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.target.join(' ')} ${why(node)}`).join(' | ')}`;
  const found = await axe.run(document, { resultTypes: ['violations', 'incomplete'] });
  const open = found.incomplete.filter((one) => one.id === 'color-contrast')
    .map((one) => one.nodes.filter((node) => !decided(node))).filter((nodes) => nodes.length);
  return [
    ...found.violations.map((one) => told(one.id, one.nodes)),
    ...open.map((nodes) => told('contrast not decided', nodes)),
  ];
}
