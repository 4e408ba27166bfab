// SPDX-License-Identifier: MIT
/** What require('vit158/golden') gives; goldenText() is in the ES modules only. */
import type * as esm from './golden.js' with { 'resolution-mode': 'import' };

export declare const record: typeof esm.record;
export declare const recordPicture: typeof esm.recordPicture;
export declare const verify: typeof esm.verify;

export type Golden = esm.Golden;
export type GoldenPicture = esm.GoldenPicture;
export type GoldenSource = esm.GoldenSource;
export type PictureReport = esm.PictureReport;
export type Report = esm.Report;
export type Runner = esm.Runner;
export type Top = esm.Top;
export type VerifyOptions = esm.VerifyOptions;
