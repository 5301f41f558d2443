// Runs in a page: every visible text whose contrast to what is behind it is below 4.5 (WCAG 2, AA).
(() => {
  const numbers = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color) => {
    const [r, g, b] = numbers(color).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    if (!element) return 'rgb(255, 255, 255)';
    const { backgroundColor } = getComputedStyle(element);
    return numbers(backgroundColor)[3] === 0 ? behind(element.parentElement) : backgroundColor;
  };
  const hasOwnText = (element) =>
    [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && /\S/.test(node.data),
    );
  return [...document.querySelectorAll('body *')]
    .filter((element) => hasOwnText(element) && element.checkVisibility())
    .map((element) => {
      const pair = [luminance(getComputedStyle(element).color), luminance(behind(element))];
      const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
      return { contrast, text: element.textContent.trim() };
    })
    .filter(({ contrast }) => !(contrast >= 4.5))
    .map(({ contrast, text }) => `${contrast.toFixed(2)} ${text}`);
})();
