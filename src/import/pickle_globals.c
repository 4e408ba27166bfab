/* SPDX-License-Identifier: MIT
 *
 * The closed list of globals. Everything else is refused with its name, because unpickling it would
 * mean running a stranger's code.
 */
#include <string.h>

#include "base/error.h"
#include "import/pickle_machine.h"

static const struct {
    const char *module;
    const char *name;
    vit158_pickle_kind kind;
    vit158_dtype dtype;
} globals[] = {
    {"collections", "OrderedDict", VIT158_PICKLE_MAKE_DICT, VIT158_DTYPE_COUNT},
    {"torch._utils", "_rebuild_tensor_v2", VIT158_PICKLE_MAKE_TENSOR, VIT158_DTYPE_COUNT},
    {"torch", "DoubleStorage", VIT158_PICKLE_STORAGE_TYPE, VIT158_DTYPE_F64},
    {"torch", "FloatStorage", VIT158_PICKLE_STORAGE_TYPE, VIT158_DTYPE_F32},
    {"torch", "HalfStorage", VIT158_PICKLE_STORAGE_TYPE, VIT158_DTYPE_F16},
    {"torch", "BFloat16Storage", VIT158_PICKLE_STORAGE_TYPE, VIT158_DTYPE_BF16},
    {"torch", "LongStorage", VIT158_PICKLE_STORAGE_TYPE, VIT158_DTYPE_I64},
    {"torch", "IntStorage", VIT158_PICKLE_STORAGE_TYPE, VIT158_DTYPE_I32},
    {"torch", "ShortStorage", VIT158_PICKLE_STORAGE_TYPE, VIT158_DTYPE_I16},
    {"torch", "CharStorage", VIT158_PICKLE_STORAGE_TYPE, VIT158_DTYPE_I8},
    {"torch", "ByteStorage", VIT158_PICKLE_STORAGE_TYPE, VIT158_DTYPE_U8},
    {"torch", "BoolStorage", VIT158_PICKLE_STORAGE_TYPE, VIT158_DTYPE_BOOL}};

static bool is(vit158_pickle_text text, const char *other)
{
    return text.n_bytes == strlen(other) && memcmp(text.bytes, other, text.n_bytes) == 0;
}

static int shown(vit158_pickle_text text)
{
    return text.n_bytes < 60 ? (int)text.n_bytes : 60;
}

vit158_status vit158_pickle_global(vit158_pickle_object *out, vit158_pickle_text module,
                                   vit158_pickle_text name, vit158_error *error)
{
    for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++) {
        if (is(module, globals[i].module) && is(name, globals[i].name)) {
            out->kind = globals[i].kind;
            out->number = globals[i].dtype;
            return VIT158_OK;
        }
    }
    return vit158_fail(error, VIT158_E_UNSUPPORTED,
                       "it holds Python's %.*s.%.*s, and a pickle is never executed here: save the "
                       "weights alone, torch.save(model.state_dict(), FILE)",
                       shown(module), module.bytes, shown(name), name.bytes);
}
