import { failover } from '../../failover.js';

const { callRecord, ModelRouter } = require('model-router');
const OpenAI = require('openai');

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';
export const GET = failover({ callRecord, ModelRouter, OpenAI });
