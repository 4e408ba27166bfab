// SPDX-License-Identifier: MIT
/** The page's workers as a text; make_template.mjs puts a module of this shape in place. */
export declare const WORKER: string;
/** Documents that go with every copy, by their path in the repository. */
export declare const NOTICES: Record<string, string>;
