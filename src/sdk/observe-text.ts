const { text: readText } = globalThis.Response.prototype;

/**
 * Notes the text of an answer as the SDK reads it, which spares writing the parsed answer out again. It is given once, as
 * the platform holds on to a response for long; and not at all where it is read in another way, by an older SDK or from
 * a response of the application's own kind.
 */
export function tapText(response: Response): () => string | undefined {
  if (response.text !== readText) return () => undefined;
  let noted: string | undefined;
  const note = (text: string) => {
    noted = text;
  };
  const text = () => {
    const reading = readText.call(response);
    reading.then(note, ignore);
    return reading;
  };
  if (!Reflect.set(response, 'text', text)) return () => undefined;
  return () => {
    const taken = noted;
    noted = undefined;
    return taken;
  };
}

function ignore(): void {}
