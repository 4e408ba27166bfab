/* SPDX-License-Identifier: MIT */
#include "model/writer.h"

#include "base/error.h"
#include "base/file.h"
#include "model/writer_head.h"

static void write_parts(vit158_file_writer *out, const vit158_file_head *head,
                        const vit158_contents *contents)
{
    vit158_file_add(out, head->text, head->n_bytes);
    for (size_t i = 0; i < contents->tensor_count; i++) {
        const vit158_tensor_view *view = &contents->tensors[head->order[i]];
        vit158_file_add(out, view->data, (size_t)vit158_tensor_view_bytes(view));
    }
}

/* Writes, checks and gives the file its name. */
static vit158_status replace_file(const char *path, const vit158_file_head *head,
                                  const vit158_contents *contents, vit158_write_check check,
                                  void *context, vit158_error *error)
{
    vit158_file_writer out;
    VIT158_RETURN_IF_ERROR(vit158_file_begin(&out, path, error));
    write_parts(&out, head, contents);
    vit158_status status = vit158_file_flush(&out, error);
    if (status == VIT158_OK && check != NULL)
        status = check(context, out.temporary, error);
    if (status == VIT158_OK)
        return vit158_file_commit(&out, error);
    vit158_file_abandon(&out);
    return status;
}

vit158_status vit158_safetensors_write(const char *path, const vit158_contents *contents,
                                       vit158_write_check check, void *context, vit158_error *error)
{
    vit158_file_head head;
    VIT158_RETURN_IF_ERROR(vit158_head_build(&head, contents, error));
    const vit158_status status = replace_file(path, &head, contents, check, context, error);
    vit158_head_clear(&head);
    return status;
}

uint64_t vit158_safetensors_bytes(const vit158_contents *contents)
{
    vit158_file_head head;
    if (vit158_head_build(&head, contents, NULL) != VIT158_OK)
        return 0;
    uint64_t n_bytes = head.n_bytes;
    for (size_t i = 0; i < contents->tensor_count; i++)
        n_bytes += vit158_tensor_view_bytes(&contents->tensors[i]);
    vit158_head_clear(&head);
    return n_bytes;
}
