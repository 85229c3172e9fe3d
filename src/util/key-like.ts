/**
 * Whether a text looks like a key, and not like a word, version or model: a known prefix, or a long run of letters and
 * digits.
 */
export function isKeyLike(text: string): boolean {
  if (text.length < 12) return false;
  if (
    /^(?:sk|pk|rk|ak|key|api|apikey|tok|token|pat|gsk|xai|hf|ghp|pplx|nvapi|AIza)[-_]?/i.test(text) &&
    /\d/.test(text)
  )
    return true;
  return (text.match(/[A-Za-z\d]+/g) ?? []).some(
    (run) =>
      (run.length >= 24 && /[a-z]/.test(run) && /[A-Z]/.test(run)) ||
      (run.length >= 10 && /\d/.test(run) && /[A-Za-z]/.test(run)),
  );
}
