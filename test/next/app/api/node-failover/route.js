import { callRecord, ModelRouter } from 'model-router';
import OpenAI from 'openai';
import { failover } from '../../failover.js';

export const runtime = 'nodejs';
export const dynamic = 'force-dynamic';
export const GET = failover({ callRecord, ModelRouter, OpenAI });
