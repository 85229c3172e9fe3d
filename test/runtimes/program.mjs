import { callRecord, ModelRouter } from 'model-router';
import OpenAI from 'openai';
import { scenario } from './scenario.mjs';

globalThis.runScenario = (baseURL) => scenario({ OpenAI, ModelRouter, callRecord, baseURL });
