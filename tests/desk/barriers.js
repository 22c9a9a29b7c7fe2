// Runs in a page that has loaded axe: what axe finds, and contrasts that nobody has decided.
//
// axe cannot decide some kinds that come up here. Text of a drawing: its colour is compared with that of the shape behind
// it, or of the page. A single letter or digit: the same. Cells of a table that scrolls inside itself on a narrow screen:
// they have the colours of the cells beside them, which are decided, and are decided themselves on a wide one. Text beside a
// map, whose layers reach beyond its frame and are cut off there.
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
  const behind = (text, svg) => {
    const box = text.getBoundingClientRect();
    const shapes = [...svg.querySelectorAll('rect, path, circle, polygon, line')].filter((shape) => {
      const other = shape.getBoundingClientRect();
      return rgb(getComputedStyle(shape).fill)[3] && shape.compareDocumentPosition(text) & 4 &&
        other.left < box.right && other.right > box.left && other.top < box.bottom && other.bottom > box.top;
    });
    return shapes.length ? getComputedStyle(shapes.at(-1)).fill : ground(svg);
  };
  const decided = (node) => {
    const element = document.querySelector(node.target[0]);
    const reasons = node.any.map((one) => (one.data || {}).messageKey);
    if (reasons.includes('elmPartiallyObscured') && element.closest('.desk-table')) return true;
    const svg = element.closest('svg');
    if (svg) return contrast(getComputedStyle(element).fill, behind(element, svg)) >= 4.5;
    const plain = ['shortTextContent', 'nonBmp'].some((one) => reasons.includes(one));
    const beside = reasons.includes('bgOverlap') && document.querySelector('.leaflet-container');
    return (plain || beside) && contrast(getComputedStyle(element).color, ground(element)) >= 4.5;
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
