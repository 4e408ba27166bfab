# SPDX-License-Identifier: MIT
set(VIT158_WASM_SOURCES)
