/* SPDX-License-Identifier: MIT
 *
 * Opcodes after Python's pickletools. Each adds at most one object, one stack place and two cells
 * for a byte of input, which bounds the memory: arrays of that size are allocated once.
 */
#include "import/pickle_machine.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/json_in.h"

typedef vit158_pickle_machine machine;
typedef vit158_pickle_object object;

static vit158_status damaged(const machine *m)
{
    return vit158_fail(m->error, VIT158_E_FORMAT, "a damaged pickle at byte %zu", m->in.position);
}

static vit158_status push(machine *m, uint32_t index)
{
    m->stack[m->stack_count++] = index;
    return VIT158_OK;
}

/* A new object on the stack. */
static object *push_new(machine *m, vit158_pickle_kind kind)
{
    object *new = &m->objects[m->object_count];
    *new = (object){.kind = kind, .first = VIT158_PICKLE_NONE, .last = VIT158_PICKLE_NONE};
    push(m, m->object_count++);
    return new;
}

static vit158_status push_number(machine *m, vit158_pickle_kind kind, int64_t number)
{
    push_new(m, kind)->number = number;
    return m->in.failed ? damaged(m) : VIT158_OK;
}

/* Takes the object on top off the stack; VIT158_PICKLE_NONE if there is none or a mark. */
static uint32_t pop(machine *m)
{
    if (m->stack_count == 0 || m->stack[m->stack_count - 1] == VIT158_PICKLE_NONE)
        return VIT158_PICKLE_NONE;
    return m->stack[--m->stack_count];
}

static object *top(machine *m)
{
    if (m->stack_count == 0 || m->stack[m->stack_count - 1] == VIT158_PICKLE_NONE)
        return NULL;
    return &m->objects[m->stack[m->stack_count - 1]];
}

static void append(machine *m, object *container, uint32_t item)
{
    const uint32_t cell = m->cell_count++;
    m->cells[cell] = (vit158_pickle_cell){item, VIT158_PICKLE_NONE};
    if (container->last == VIT158_PICKLE_NONE)
        container->first = cell;
    else
        m->cells[container->last].next = cell;
    container->last = cell;
    container->count++;
}

uint32_t vit158_pickle_item(const machine *m, const object *container, uint32_t index)
{
    uint32_t cell = container->first;
    while (cell != VIT158_PICKLE_NONE && index-- > 0)
        cell = m->cells[cell].next;
    return cell != VIT158_PICKLE_NONE ? m->cells[cell].object : VIT158_PICKLE_NONE;
}

/* Number of stack places above the last mark; the mark stays. False without a mark. */
static bool count_to_mark(const machine *m, uint32_t *count)
{
    for (uint32_t i = m->stack_count; i-- > 0;) {
        if (m->stack[i] == VIT158_PICKLE_NONE) {
            *count = m->stack_count - i - 1;
            return true;
        }
    }
    return false;
}

/* ---- Strings ---- */

static bool is_text(const uint8_t *bytes, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        const size_t length = vit158_utf8_length(bytes + at, n_bytes - at);
        if (length == 0 || bytes[at] == 0)
            return false;
        at += length;
    }
    return true;
}

static vit158_status push_text(machine *m, size_t n_bytes)
{
    const uint8_t *bytes = vit158_bytes_take(&m->in, n_bytes);
    if (bytes == NULL || !is_text(bytes, n_bytes))
        return damaged(m);
    push_new(m, VIT158_PICKLE_TEXT)->text = (vit158_pickle_text){(const char *)bytes, n_bytes};
    return VIT158_OK;
}

static bool take_line(machine *m, vit158_pickle_text *out)
{
    const uint8_t *start = m->in.data + m->in.position;
    const uint8_t *end = memchr(start, '\n', vit158_bytes_left(&m->in));
    if (end == NULL || !is_text(start, (size_t)(end - start)))
        return false;
    *out = (vit158_pickle_text){(const char *)start, (size_t)(end - start)};
    vit158_bytes_take(&m->in, out->n_bytes + 1);
    return true;
}

static vit158_status push_line_global(machine *m)
{
    vit158_pickle_text module, name;
    if (!take_line(m, &module) || !take_line(m, &name))
        return damaged(m);
    return vit158_pickle_global(push_new(m, VIT158_PICKLE_NULL), module, name, m->error);
}

static vit158_status push_stack_global(machine *m)
{
    const uint32_t name = pop(m);
    const uint32_t module = pop(m);
    if (name == VIT158_PICKLE_NONE || module == VIT158_PICKLE_NONE ||
        m->objects[name].kind != VIT158_PICKLE_TEXT ||
        m->objects[module].kind != VIT158_PICKLE_TEXT)
        return damaged(m);
    return vit158_pickle_global(push_new(m, VIT158_PICKLE_NULL), m->objects[module].text,
                                m->objects[name].text, m->error);
}

/* ---- Numbers ---- */

/* A little-endian two's complement number of up to 8 bytes. */
static vit158_status push_long(machine *m)
{
    const uint8_t n_bytes = vit158_bytes_u8(&m->in);
    const uint8_t *bytes = vit158_bytes_take(&m->in, n_bytes);
    if (bytes == NULL || n_bytes > 8)
        return damaged(m);
    uint64_t value = n_bytes > 0 && (bytes[n_bytes - 1] & 0x80) != 0 ? UINT64_MAX : 0;
    for (uint8_t i = n_bytes; i-- > 0;)
        value = value << 8 | bytes[i];
    int64_t number;
    memcpy(&number, &value, sizeof number);
    return push_number(m, VIT158_PICKLE_INT, number);
}

static vit158_status push_float(machine *m)
{
    if (vit158_bytes_take(&m->in, 8) == NULL)
        return damaged(m);
    push_new(m, VIT158_PICKLE_FLOAT);
    return VIT158_OK;
}

/* ---- Containers ---- */

static vit158_status push_tuple(machine *m, uint32_t count, bool marked)
{
    if (marked && !count_to_mark(m, &count))
        return damaged(m);
    if (count > m->stack_count)
        return damaged(m);
    object *tuple = &m->objects[m->object_count];
    *tuple = (object){
        .kind = VIT158_PICKLE_TUPLE, .first = VIT158_PICKLE_NONE, .last = VIT158_PICKLE_NONE};
    const uint32_t *items = m->stack + (m->stack_count - count);
    for (uint32_t i = 0; i < count; i++) {
        if (items[i] == VIT158_PICKLE_NONE)
            return damaged(m);
        append(m, tuple, items[i]);
    }
    m->stack_count -= count + (marked ? 1 : 0);
    return push(m, m->object_count++);
}

/* Moves the `count` objects on top, and the mark below them if there is one, into the container
 * under them. */
static vit158_status add_items(machine *m, vit158_pickle_kind kind, uint32_t count, bool marked)
{
    if (marked && !count_to_mark(m, &count))
        return damaged(m);
    const uint32_t taken = count + (marked ? 1 : 0);
    if (taken >= m->stack_count || (kind == VIT158_PICKLE_DICT && count % 2 != 0))
        return damaged(m);
    const uint32_t holder = m->stack[m->stack_count - taken - 1];
    if (holder == VIT158_PICKLE_NONE || m->objects[holder].kind != kind)
        return damaged(m);
    const uint32_t *items = m->stack + (m->stack_count - count);
    for (uint32_t i = 0; i < count; i++) {
        if (items[i] == VIT158_PICKLE_NONE)
            return damaged(m);
        append(m, &m->objects[holder], items[i]);
    }
    m->stack_count -= taken;
    return VIT158_OK;
}

/* ---- Memo ---- */

static vit158_status memo_put(machine *m, uint32_t place)
{
    if (m->in.failed || top(m) == NULL || place >= m->memo_count)
        return damaged(m);
    m->memo[place] = m->stack[m->stack_count - 1];
    return VIT158_OK;
}

static vit158_status memo_next(machine *m, uint32_t *used)
{
    return memo_put(m, (*used)++);
}

static vit158_status memo_get(machine *m, uint32_t place)
{
    if (m->in.failed || place >= m->memo_count || m->memo[place] == VIT158_PICKLE_NONE)
        return damaged(m);
    return push(m, m->memo[place]);
}

/* ---- "Calls" ---- */

/* ('storage', type, key, location, elements): keeps type and key. */
static vit158_status push_storage(machine *m)
{
    const uint32_t index = pop(m);
    if (index == VIT158_PICKLE_NONE || m->objects[index].kind != VIT158_PICKLE_TUPLE ||
        m->objects[index].count != 5)
        return damaged(m);
    const object *tuple = &m->objects[index];
    const uint32_t type = vit158_pickle_item(m, tuple, 1);
    const uint32_t key = vit158_pickle_item(m, tuple, 2);
    if (m->objects[type].kind != VIT158_PICKLE_STORAGE_TYPE ||
        m->objects[key].kind != VIT158_PICKLE_TEXT)
        return damaged(m);
    object *storage = push_new(m, VIT158_PICKLE_STORAGE);
    append(m, storage, type);
    append(m, storage, key);
    return VIT158_OK;
}

static vit158_status reduce(machine *m)
{
    const uint32_t arguments = pop(m);
    const uint32_t function = pop(m);
    if (arguments == VIT158_PICKLE_NONE || function == VIT158_PICKLE_NONE ||
        m->objects[arguments].kind != VIT158_PICKLE_TUPLE)
        return damaged(m);
    const vit158_pickle_kind kind = m->objects[function].kind;
    if (kind == VIT158_PICKLE_MAKE_DICT && m->objects[arguments].count == 0) {
        push_new(m, VIT158_PICKLE_DICT);
        return VIT158_OK;
    }
    if (kind == VIT158_PICKLE_MAKE_TENSOR) {
        object *tensor = push_new(m, VIT158_PICKLE_TENSOR);
        tensor->first = m->objects[arguments].first;
        tensor->count = m->objects[arguments].count;
        return VIT158_OK;
    }
    return damaged(m);
}

/* Sets attributes; a state dictionary has _metadata (versions of modules), which is of no use. */
static vit158_status build(machine *m)
{
    const uint32_t state = pop(m);
    const object *holder = top(m);
    if (state == VIT158_PICKLE_NONE || holder == NULL || holder->kind != VIT158_PICKLE_DICT ||
        m->objects[state].kind != VIT158_PICKLE_DICT)
        return damaged(m);
    return VIT158_OK;
}

/* ---- */

static vit158_status unknown(const machine *m, uint8_t opcode)
{
    return vit158_fail(
        m->error, VIT158_E_UNSUPPORTED,
        "its pickle uses opcode %u at byte %zu, which no plain dictionary of tensors "
        "needs: save the weights alone, torch.save(model.state_dict(), FILE)",
        opcode, m->in.position - 1);
}

static vit158_status step(machine *m, uint8_t opcode, uint32_t *memo_used)
{
    switch (opcode) {
    case 0x80: /* PROTO */
        return vit158_bytes_u8(&m->in) <= 5 && !m->in.failed ? VIT158_OK : damaged(m);
    case 0x95: /* FRAME */
        return vit158_bytes_take(&m->in, 8) != NULL ? VIT158_OK : damaged(m);
    case '(': /* MARK */
        return push(m, VIT158_PICKLE_NONE);
    case 'N': /* NONE */
        return push_number(m, VIT158_PICKLE_NULL, 0);
    case 0x88: /* NEWTRUE */
    case 0x89: /* NEWFALSE */
        return push_number(m, VIT158_PICKLE_BOOL, opcode == 0x88);
    case 'K': /* BININT1 */
        return push_number(m, VIT158_PICKLE_INT, vit158_bytes_u8(&m->in));
    case 'M': /* BININT2 */
        return push_number(m, VIT158_PICKLE_INT, vit158_bytes_u16(&m->in, false));
    case 'J': /* BININT, signed */ {
        const int64_t value = vit158_bytes_u32(&m->in, false);
        return push_number(m, VIT158_PICKLE_INT, value < 0x80000000 ? value : value - 0x100000000);
    }
    case 0x8A: /* LONG1 */
        return push_long(m);
    case 'G': /* BINFLOAT */
        return push_float(m);
    case 'X': /* BINUNICODE */
        return push_text(m, vit158_bytes_u32(&m->in, false));
    case 0x8C: /* SHORT_BINUNICODE */
        return push_text(m, vit158_bytes_u8(&m->in));
    case 'c': /* GLOBAL */
        return push_line_global(m);
    case 0x93: /* STACK_GLOBAL */
        return push_stack_global(m);
    case ')': /* EMPTY_TUPLE */
        return push_tuple(m, 0, false);
    case 0x85: /* TUPLE1 */
    case 0x86: /* TUPLE2 */
    case 0x87: /* TUPLE3 */
        return push_tuple(m, opcode - 0x84U, false);
    case 't': /* TUPLE */
        return push_tuple(m, 0, true);
    case ']': /* EMPTY_LIST */
        return push_number(m, VIT158_PICKLE_LIST, 0);
    case 'a': /* APPEND */
        return add_items(m, VIT158_PICKLE_LIST, 1, false);
    case 'e': /* APPENDS */
        return add_items(m, VIT158_PICKLE_LIST, 0, true);
    case '}': /* EMPTY_DICT */
        return push_number(m, VIT158_PICKLE_DICT, 0);
    case 's': /* SETITEM */
        return add_items(m, VIT158_PICKLE_DICT, 2, false);
    case 'u': /* SETITEMS */
        return add_items(m, VIT158_PICKLE_DICT, 0, true);
    case 'q': /* BINPUT */
        return memo_put(m, vit158_bytes_u8(&m->in));
    case 'r': /* LONG_BINPUT */
        return memo_put(m, vit158_bytes_u32(&m->in, false));
    case 0x94: /* MEMOIZE */
        return memo_next(m, memo_used);
    case 'h': /* BINGET */
        return memo_get(m, vit158_bytes_u8(&m->in));
    case 'j': /* LONG_BINGET */
        return memo_get(m, vit158_bytes_u32(&m->in, false));
    case 'Q': /* BINPERSID */
        return push_storage(m);
    case 'R': /* REDUCE */
        return reduce(m);
    case 'b': /* BUILD */
        return build(m);
    default:
        return unknown(m, opcode);
    }
}

vit158_status vit158_pickle_run(machine *m, uint32_t *root, const void *bytes, size_t n_bytes,
                                vit158_error *error)
{
    *m = (machine){.in = vit158_bytes_over(bytes, n_bytes), .error = error};
    if (n_bytes > VIT158_PICKLE_MAX_BYTES)
        return vit158_fail(error, VIT158_E_LIMIT, "a pickle of %zu bytes, above the limit of %u",
                           n_bytes, VIT158_PICKLE_MAX_BYTES);
    m->memo_count = (uint32_t)n_bytes;
    m->objects = malloc((n_bytes + 1) * sizeof *m->objects);
    m->cells = malloc(2 * (n_bytes + 1) * sizeof *m->cells);
    m->stack = malloc((n_bytes + 1) * sizeof *m->stack);
    m->memo = malloc((n_bytes + 1) * sizeof *m->memo);
    if (m->objects == NULL || m->cells == NULL || m->stack == NULL || m->memo == NULL)
        return vit158_fail(error, VIT158_E_MEMORY, "not enough memory to read the pickle");
    memset(m->memo, 0xFF, (n_bytes + 1) * sizeof *m->memo);
    uint32_t memo_used = 0;
    for (;;) {
        const uint8_t opcode = vit158_bytes_u8(&m->in);
        if (m->in.failed)
            return damaged(m);
        if (opcode == '.') /* STOP */
            break;
        VIT158_RETURN_IF_ERROR(step(m, opcode, &memo_used));
    }
    *root = pop(m);
    return *root != VIT158_PICKLE_NONE ? VIT158_OK : damaged(m);
}

void vit158_pickle_machine_clear(machine *m)
{
    free(m->objects);
    free(m->cells);
    free(m->stack);
    free(m->memo);
    *m = (machine){0};
}
