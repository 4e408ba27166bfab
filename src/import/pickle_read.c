/* SPDX-License-Identifier: MIT
 *
 * From the pickle machine's root object to the list of tensors: the root is the dictionary, or
 * holds it under a usual name.
 */
#include "import/pickle_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "import/pickle_machine.h"

typedef vit158_pickle_machine machine;
typedef vit158_pickle_object object;

static const object *item(const machine *m, const object *container, uint32_t index)
{
    const uint32_t found = vit158_pickle_item(m, container, index);
    return found != VIT158_PICKLE_NONE ? &m->objects[found] : NULL;
}

static int shown(const vit158_pickle_text *text)
{
    return text->n_bytes < 80 ? (int)text->n_bytes : 80;
}

static vit158_status bad_tensor(const vit158_pickle_tensor *tensor, const char *why,
                                vit158_error *error)
{
    return vit158_fail(error, VIT158_E_UNSUPPORTED, "tensor %.*s: %s", shown(&tensor->name),
                       tensor->name.bytes, why);
}

/* Checks that the strides, as many as dimensions, are those of a contiguous tensor. */
static bool is_contiguous(const machine *m, const object *strides,
                          const vit158_pickle_tensor *tensor)
{
    uint64_t expected = 1;
    for (uint32_t i = tensor->rank; i-- > 0;) {
        const object *stride = item(m, strides, i);
        if (stride->kind != VIT158_PICKLE_INT)
            return false;
        if (tensor->shape[i] != 1 && (uint64_t)stride->number != expected)
            return false;
        expected *= tensor->shape[i];
    }
    return true;
}

static vit158_status read_shape(vit158_pickle_tensor *out, const machine *m, const object *shape,
                                vit158_error *error)
{
    if (shape->count > VIT158_MAX_RANK)
        return bad_tensor(out, "more than 4 dimensions", error);
    out->rank = shape->count;
    out->n_elements = 1;
    for (uint32_t i = 0; i < out->rank; i++) {
        const object *side = item(m, shape, i);
        if (side->kind != VIT158_PICKLE_INT || side->number < 0)
            return bad_tensor(out, "its shape is not made of whole numbers", error);
        out->shape[i] = (uint64_t)side->number;
        if (out->shape[i] != 0 && out->n_elements > UINT32_MAX / out->shape[i])
            return bad_tensor(out, "its shape is too large", error);
        out->n_elements *= out->shape[i];
    }
    return VIT158_OK;
}

/* (storage, first element, shape, strides, requires_grad, hooks) */
static vit158_status read_tensor(vit158_pickle_tensor *out, const machine *m, const object *tensor,
                                 vit158_error *error)
{
    const object *storage = item(m, tensor, 0);
    const object *first = item(m, tensor, 1);
    const object *shape = item(m, tensor, 2);
    const object *strides = item(m, tensor, 3);
    if (storage == NULL || storage->kind != VIT158_PICKLE_STORAGE || first == NULL ||
        first->kind != VIT158_PICKLE_INT || first->number < 0 || shape == NULL ||
        shape->kind != VIT158_PICKLE_TUPLE || strides == NULL ||
        strides->kind != VIT158_PICKLE_TUPLE)
        return bad_tensor(out, "not made as torch.save makes tensors", error);
    out->dtype = (vit158_dtype)item(m, storage, 0)->number;
    out->storage = item(m, storage, 1)->text;
    out->first = (uint64_t)first->number;
    VIT158_RETURN_IF_ERROR(read_shape(out, m, shape, error));
    if (strides->count != shape->count || !is_contiguous(m, strides, out))
        return bad_tensor(out, "it is a transposed or strided view; save its .contiguous()", error);
    return VIT158_OK;
}

static bool holds_tensors(const machine *m, const object *dict)
{
    bool key = true;
    for (uint32_t cell = dict->first; cell != VIT158_PICKLE_NONE; cell = m->cells[cell].next) {
        if (!key && m->objects[m->cells[cell].object].kind == VIT158_PICKLE_TENSOR)
            return true;
        key = !key;
    }
    return false;
}

/* The value of a key that is a dictionary; the last one, as in Python. */
static const object *dict_under(const machine *m, const object *dict, const char *name)
{
    const object *found = NULL;
    const object *key = NULL;
    for (uint32_t cell = dict->first; cell != VIT158_PICKLE_NONE; cell = m->cells[cell].next) {
        const object *here = &m->objects[m->cells[cell].object];
        if (key == NULL) {
            key = here;
            continue;
        }
        if (key->kind == VIT158_PICKLE_TEXT && key->text.n_bytes == strlen(name) &&
            memcmp(key->text.bytes, name, key->text.n_bytes) == 0 &&
            here->kind == VIT158_PICKLE_DICT)
            found = here;
        key = NULL;
    }
    return found;
}

static vit158_status find_dict(vit158_pickle *out, const object **dict, const machine *m,
                               const object *root, vit158_error *error)
{
    static const char *const names[] = {"state_dict", "model", "model_state_dict", "net", "module"};
    if (root->kind != VIT158_PICKLE_DICT)
        return vit158_fail(error, VIT158_E_UNSUPPORTED,
                           "it holds no dictionary of tensors: save the weights alone, "
                           "torch.save(model.state_dict(), FILE)");
    *dict = root;
    if (holds_tensors(m, root))
        return VIT158_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const object *inner = dict_under(m, root, names[i]);
        if (inner != NULL && holds_tensors(m, inner)) {
            *dict = inner;
            vit158_format(out->inside, sizeof out->inside, "%s", names[i]);
            return VIT158_OK;
        }
    }
    return vit158_fail(error, VIT158_E_UNSUPPORTED,
                       "its dictionary holds no tensors, neither itself nor under state_dict or "
                       "model");
}

static vit158_status list_tensors(vit158_pickle *out, const machine *m, const object *dict,
                                  vit158_error *error)
{
    out->tensors = calloc((size_t)dict->count / 2 + 1, sizeof *out->tensors);
    if (out->tensors == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read the pickle");
    const object *key = NULL;
    for (uint32_t cell = dict->first; cell != VIT158_PICKLE_NONE; cell = m->cells[cell].next) {
        const object *here = &m->objects[m->cells[cell].object];
        if (key == NULL) {
            key = here;
            continue;
        }
        if (key->kind != VIT158_PICKLE_TEXT)
            return vit158_fail(error, VIT158_E_UNSUPPORTED,
                               "its dictionary has a key that is not a string");
        if (here->kind != VIT158_PICKLE_TENSOR)
            return vit158_fail(error, VIT158_E_UNSUPPORTED,
                               "its dictionary's entry %.*s is not a tensor: save the weights "
                               "alone, torch.save(model.state_dict(), FILE)",
                               shown(&key->text), key->text.bytes);
        vit158_pickle_tensor *tensor = &out->tensors[out->count++];
        tensor->name = key->text;
        VIT158_RETURN_IF_ERROR(read_tensor(tensor, m, here, error));
        key = NULL;
    }
    return VIT158_OK;
}

vit158_status vit158_pickle_read(vit158_pickle *out, const void *bytes, size_t n_bytes,
                                 vit158_error *error)
{
    *out = (vit158_pickle){0};
    machine m;
    uint32_t root = 0;
    const object *dict = NULL;
    vit158_status status = vit158_pickle_run(&m, &root, bytes, n_bytes, error);
    if (status == VIT158_OK)
        status = find_dict(out, &dict, &m, &m.objects[root], error);
    if (status == VIT158_OK)
        status = list_tensors(out, &m, dict, error);
    vit158_pickle_machine_clear(&m);
    if (status != VIT158_OK)
        vit158_pickle_clear(out);
    return status;
}

void vit158_pickle_clear(vit158_pickle *pickle)
{
    free(pickle->tensors);
    *pickle = (vit158_pickle){0};
}
