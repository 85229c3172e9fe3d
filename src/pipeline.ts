/** Answers one input. The whole router, and each of its parts, has this shape. */
export type Handler<In, Out> = (input: In) => Promise<Out>;

/** Adds one behaviour around a handler. It may call `next` never, once or several times. */
export type Layer<In, Out> = (next: Handler<In, Out>) => Handler<In, Out>;

/** The layers around `core`, the first one outermost. */
export function compose<In, Out>(layers: readonly Layer<In, Out>[], core: Handler<In, Out>): Handler<In, Out> {
  return layers.reduceRight<Handler<In, Out>>((next, layer) => layer(next), core);
}
