import { isRecord } from '../util/is-record.js';

type Json = Record<string, unknown>;

/** The events in which a stream would send a whole response, in the order of the API. */
export function responseEvents(response: Json): Json[] {
  const events: Json[] = [];
  const emit = (type: string, fields: Json) => events.push({ type, sequence_number: events.length, ...fields });
  const begun = { ...response, status: 'in_progress', output: [], usage: null };
  emit('response.created', { response: begun });
  emit('response.in_progress', { response: begun });
  for (const [index, item] of arrayOf(response.output).entries()) {
    emit('response.output_item.added', { output_index: index, item: { ...item, ...emptyPart(item) } });
    emitItem(item, { item_id: item.id, output_index: index }, emit);
    emit('response.output_item.done', { output_index: index, item });
  }
  emit('response.completed', { response });
  return events;
}

type Emit = (type: string, fields: Json) => void;

/** An item before its content. */
function emptyPart({ type, content, status }: Json): Json {
  const begun = status === undefined ? {} : { status: 'in_progress' };
  if (type === 'reasoning') return { ...begun, summary: [], ...(content === undefined ? {} : { content: [] }) };
  if (type === 'function_call') return { ...begun, arguments: '' };
  return type === 'custom_tool_call' ? { ...begun, input: '' } : { ...begun, content: [] };
}

function emitItem(item: Json, at: Json, emit: Emit): void {
  switch (item.type) {
    case 'reasoning':
      for (const [index, part] of arrayOf(item.summary).entries()) {
        const here = { ...at, summary_index: index };
        emit('response.reasoning_summary_part.added', { ...here, part: { ...part, text: '' } });
        emit('response.reasoning_summary_text.delta', { ...here, delta: part.text });
        emit('response.reasoning_summary_text.done', { ...here, text: part.text });
        emit('response.reasoning_summary_part.done', { ...here, part });
      }
      return emitParts(item, at, 'response.reasoning_text', emit);
    case 'function_call':
      emit('response.function_call_arguments.delta', { ...at, delta: item.arguments });
      return emit('response.function_call_arguments.done', { ...at, name: item.name, arguments: item.arguments });
    case 'custom_tool_call':
      emit('response.custom_tool_call_input.delta', { ...at, delta: item.input });
      return emit('response.custom_tool_call_input.done', { ...at, input: item.input });
    default:
      return emitParts(item, at, 'response.output_text', emit);
  }
}

function emitParts(item: Json, at: Json, name: string, emit: Emit): void {
  const hasLogprobs = name === 'response.output_text';
  for (const [index, part] of arrayOf(item.content).entries()) {
    const here = { ...at, content_index: index };
    const logprobs = hasLogprobs ? { logprobs: part.logprobs ?? [] } : {};
    const blank = { ...part, text: '', ...(hasLogprobs && { annotations: [], logprobs: [] }) };
    emit('response.content_part.added', { ...here, part: blank });
    emit(`${name}.delta`, { ...here, delta: part.text, ...logprobs });
    for (const [i, annotation] of arrayOf(part.annotations).entries())
      emit('response.output_text.annotation.added', { ...here, annotation_index: i, annotation });
    emit(`${name}.done`, { ...here, text: part.text, ...logprobs });
    emit('response.content_part.done', { ...here, part });
  }
}

function arrayOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
