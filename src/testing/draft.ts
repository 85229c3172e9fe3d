import type { AnswerOptions } from './behaviours.js';
import type { ModelCall } from './endpoints/endpoint.js';
import { asArray, asObject, asString, type JsonObject } from './json.js';
import { sampleJson } from './sample-json.js';
import { countTokens } from './tokens.js';
import { type Usage, usageOf } from './usage.js';

interface DraftedToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** A text model's answer to one request, before an endpoint converts it. */
export interface Draft {
  readonly text: string;
  readonly reasoning: string;
  readonly refusal: string | undefined;
  readonly toolCalls: readonly DraftedToolCall[];
  readonly finishReason: string | null;
  readonly usage: Usage | undefined;
}

/** The parts of a request that an endpoint reads. */
interface DraftRequest {
  /** The content that counts as input. */
  readonly input: unknown;
  /** The schema of a JSON answer, or `true` for any JSON. */
  readonly jsonSchema?: unknown;
  /** A function that the request requires. */
  readonly requiredTool?: JsonObject | undefined;
  /** The requested number of answers. @default 1 */
  readonly n?: number;
}

/** Uses the values of the script, and makes up the rest. */
export function draft(call: ModelCall, { input, jsonSchema, requiredTool, n = 1 }: DraftRequest): Draft {
  const { answer, newId } = call;
  const said = answer.toolCalls ?? (answer.content === undefined ? required(requiredTool) : []);
  const toolCalls = said.map(({ id, name, arguments: given = {} }) => ({
    id: id ?? newId('call_'),
    name,
    arguments: typeof given === 'string' ? given : JSON.stringify(given),
  }));
  const silent = answer.refusal !== undefined || (toolCalls.length > 0 && answer.content === undefined);
  const text = silent ? '' : textOf(call, jsonSchema);
  const reasoning = answer.reasoning ?? '';
  const spoken = text + (answer.refusal ?? '') + toolCalls.map(written).join('');
  const usualEnd = toolCalls.length > 0 ? 'tool_calls' : 'stop';
  return {
    text,
    reasoning,
    refusal: answer.refusal,
    toolCalls,
    finishReason: answer.finishReason === undefined ? usualEnd : answer.finishReason,
    usage: usageOf(answer, input, n * countTokens(spoken), n),
  };
}

function textOf({ answer, request, model }: ModelCall, jsonSchema: unknown): string {
  if (typeof answer.content === 'function') return answer.content(request);
  if (answer.content !== undefined) return answer.content;
  if (Array.isArray(answer.chunks)) return answer.chunks.join('');
  if (jsonSchema === true) return JSON.stringify({ answer: 'text' });
  if (jsonSchema !== undefined) return JSON.stringify(sampleJson(jsonSchema));
  return `This is an answer of ${model}.`;
}

function required(tool: JsonObject | undefined): NonNullable<AnswerOptions['toolCalls']> {
  const name = asString(tool?.name);
  return name === undefined ? [] : [{ name, arguments: asObject(sampleJson(tool?.parameters)) }];
}

/** The function that a request's `tool_choice` requires, if any; `functionOf` reads one entry of `tools`. */
export function requiredTool(body: JsonObject, functionOf: (tool: JsonObject) => unknown): JsonObject | undefined {
  const choice = body.tool_choice;
  const tools = asArray(body.tools).map((tool) => asObject(functionOf(asObject(tool))));
  if (choice === 'required') return tools.find((tool) => asString(tool.name) !== undefined);
  const name = asString(asObject(functionOf(asObject(choice))).name);
  return name === undefined ? undefined : tools.find((tool) => tool.name === name);
}

function written(call: DraftedToolCall): string {
  return call.name + call.arguments;
}
