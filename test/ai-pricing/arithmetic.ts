/**
 * Works out arithmetic that was written by hand, such as `(3×2.5/1e6 + 1)×0.5`: numbers, `+`, `×`,
 * `/` and brackets.
 */
export function workOut(text: string): number {
  const tokens = text.match(/\d+(?:\.\d+)?(?:e\d+)?|[+×/()]/g) ?? [];
  if (tokens.join("") !== text.replace(/ /g, "")) throw new Error(`not arithmetic: ${text}`);
  let at = 0;

  function sum(): number {
    let total = product();
    while (tokens[at] === "+") {
      at++;
      total += product();
    }
    return total;
  }

  function product(): number {
    let total = value();
    while (tokens[at] === "×" || tokens[at] === "/") {
      const isDivision = tokens[at++] === "/";
      const next = value();
      total = isDivision ? total / next : total * next;
    }
    return total;
  }

  function value(): number {
    const token = tokens[at++];
    if (token !== "(") return Number(token);
    const total = sum();
    if (tokens[at++] !== ")") throw new Error(`a bracket stays open: ${text}`);
    return total;
  }

  const total = sum();
  if (at < tokens.length || Number.isNaN(total)) throw new Error(`not arithmetic: ${text}`);
  return total;
}
