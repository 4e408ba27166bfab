/* SPDX-License-Identifier: MIT
 *
 * What bench_engine.wasm exports beyond vit158.wasm: cli/profile.h for the session of a context,
 * with a clock from JavaScript (env.now_ms).
 */
#include "cli/profile.h"
#include "wasm/engine_abi.h"

__attribute__((import_module("env"), import_name("now_ms"))) double bench_now_ms(void);
void bench_profile_attach(vit158_wasm *context);

void bench_profile_attach(vit158_wasm *context)
{
    vit158_profile_attach(vit158_wasm_session(context), bench_now_ms);
}
