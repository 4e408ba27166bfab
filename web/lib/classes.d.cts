// SPDX-License-Identifier: MIT
/** What require('vit158/classes') gives; the constructor and classesText() are in the ES modules only. */
import type * as esm from './classes.js' with { 'resolution-mode': 'import' };

export declare const OwnClasses: { load: typeof esm.OwnClasses.load };
export type OwnClasses = esm.OwnClasses;

export type ClassesFile = esm.ClassesFile;
export type ClassMatch = esm.ClassMatch;
export type Matches = esm.Matches;
export type MatchOptions = esm.MatchOptions;
export type OwnOptions = esm.OwnOptions;
