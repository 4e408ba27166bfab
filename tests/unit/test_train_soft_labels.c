/* SPDX-License-Identifier: MIT
 *
 * Soft labels of teachers, remembered: the same images come again, teachers are asked about each
 * once, and a file hands them on to runs they fit and to no others.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "train/checkpoint.h"
#include "train/soft_labels.h"
#include "train/teacher.h"
#include "unit/test.h"
#include "unit/train_fixture.h"

#define IMAGES 16U
#define EPOCH_STEPS 2U /* batches of 8 */

static void recipe(vit158_train_recipe *r)
{
    fixture_recipe(r);
    r->deterministic = 1;
    r->teacher_epochs = 2;
    r->teacher_weight = 0.9F;
    r->keep_tokens = 0.5F;
    r->augment.crop = 1;
    r->augment.flip = 1;
    r->augment.erase = 0.5F;
    r->augment.mix = 0.5F;
    vit158_format(r->teacher, sizeof r->teacher, "%s", fixture_path("teacher.safetensors"));
    vit158_format(r->teacher_answers, sizeof r->teacher_answers, "%s",
                  fixture_path("answers.safetensors"));
}

static int make_teacher(void **state)
{
    if (fixture_make_folder(state) != 0)
        return -1;
    vit158_train_recipe r;
    vit158_error error;
    fixture_recipe(&r);
    r.seed = 9;
    vit158_trainer *t = fixture_trainer(&r, IMAGES, 0);
    fixture_steps(t, 3);
    const vit158_status status =
        vit158_train_model_save(t, t->parameters, 0.5, fixture_path("teacher.safetensors"), &error);
    vit158_trainer_close(t);
    return status == VIT158_OK ? 0 : -1;
}

/* A student with its teachers, and what became of opening their soft labels. */
static vit158_status open_student(vit158_trainer **t, const vit158_train_recipe *r,
                                  vit158_error *error)
{
    *t = fixture_trainer(r, IMAGES, 0);
    return vit158_trainer_teach(*t, r->teacher, error);
}

static vit158_trainer *student(const vit158_train_recipe *r)
{
    vit158_error error;
    vit158_trainer *t;
    if (open_student(&t, r, &error) != VIT158_OK)
        fail_msg("%s", error.message);
    return t;
}

/* From now on the teacher has nothing to say. */
static void silence(vit158_trainer *t)
{
    vit158_train_teacher *teacher = t->teachers->first;
    memset(teacher->parameters, 0, teacher->net.parameters * sizeof *teacher->parameters);
    for (uint32_t i = 0; i < vit158_train_packed_tasks(&teacher->net); i++)
        vit158_train_packed_make(&teacher->packed, &teacher->net, t->compute, i);
}

static void assert_same_weights(const vit158_trainer *a, const vit158_trainer *b, bool same)
{
    const size_t bytes = a->net.parameters * sizeof *a->parameters;
    assert_int_equal(memcmp(a->parameters, b->parameters, bytes) == 0, same);
}

/* Mixed images, targets and kept patches of the two microbatches that begin an epoch. */
typedef struct shown {
    float mixed[4 * 64], targets[4 * 4];
    uint32_t places[4 * 2];
} shown;

static shown show(vit158_trainer *t, uint64_t epoch)
{
    shown s;
    vit158_train_feed_order(&t->feeder, epoch);
    for (uint32_t i = 0; i < 2; i++) {
        const vit158_train_place place = {.epoch = epoch, .first = (uint64_t)2 * i, .count = 2};
        vit158_train_feed_microbatch(&t->feeder, &t->feed[0], &t->workspace[0], &place);
        memcpy(s.mixed + (size_t)i * 128, t->feed[0].mixed, 128 * sizeof(float));
        memcpy(s.targets + (size_t)i * 8, t->feed[0].targets, 8 * sizeof(float));
        memcpy(s.places + (size_t)i * 4, t->workspace[0].places, 4 * sizeof(uint32_t));
    }
    return s;
}

static void test_images_come_again_but_other_patches(void **state)
{
    (void)state;
    vit158_train_recipe r;
    recipe(&r);
    vit158_trainer *t = student(&r);
    const shown first = show(t, 0), next = show(t, 1), again = show(t, 2);
    assert_memory_equal(first.mixed, again.mixed, sizeof first.mixed);
    assert_memory_equal(first.targets, again.targets, sizeof first.targets);
    assert_memory_not_equal(first.places, again.places, sizeof first.places);
    assert_memory_not_equal(first.mixed, next.mixed, sizeof first.mixed);
    vit158_trainer_close(t);
}

/* Which moves of the first microbatch's first image give what its patches show, as bits. */
static uint32_t moves_shown(const vit158_trainer *t, int shift)
{
    float seen[64], moved[64];
    uint32_t bit = 1, bits = 0;
    for (uint32_t y = 0; y < 8; y++)
        for (uint32_t x = 0; x < 8; x++)
            seen[y * 8 + x] =
                t->workspace[0]
                    .patches[(y / 4 * 2 + x / 4) * t->workspace[0].patch_ld + y % 4 * 4 + x % 4];
    for (int flip = 0; flip < 2; flip++) {
        for (int dy = -shift; dy <= shift; dy++) {
            for (int dx = -shift; dx <= shift; dx++, bit <<= 1) {
                const vit158_train_move move = {dx, dy, flip};
                vit158_train_move_plane(moved, t->feed[0].mixed, 8, &move,
                                        t->feeder.byte_values[0][0]);
                bits |= memcmp(seen, moved, sizeof seen) == 0 ? bit : 0;
            }
        }
    }
    return bits;
}

/* The moves of many epochs: what the teacher sees comes again, what the student sees is moved. */
static uint32_t moves_of_a_run(vit158_train_recipe r)
{
    vit158_trainer *moved = student(&r);
    r.teacher_shift = 0;
    vit158_trainer *plain = student(&r);
    uint32_t all = 0;
    for (uint64_t epoch = 0; epoch < 400; epoch += 2) {
        const shown ours = show(moved, epoch), theirs = show(plain, epoch);
        assert_memory_equal(ours.mixed, theirs.mixed, sizeof ours.mixed);
        const vit158_train_place place = {.epoch = epoch, .count = 2};
        vit158_train_feed_microbatch(&moved->feeder, &moved->feed[0], &moved->workspace[0], &place);
        const uint32_t moves = moves_shown(moved, 1);
        assert_int_not_equal(moves, 0);
        all |= moves;
        vit158_train_feed_microbatch(&plain->feeder, &plain->feed[0], &plain->workspace[0], &place);
        assert_int_not_equal(moves_shown(plain, 0) & 1, 0);
    }
    vit158_trainer_close(moved);
    vit158_trainer_close(plain);
    return all;
}

static void test_the_student_sees_images_moved_each_way(void **state)
{
    (void)state;
    vit158_train_recipe r;
    recipe(&r);
    r.keep_tokens = 1.0F;
    r.teacher_shift = 1;
    assert_int_equal(moves_of_a_run(r), (1 << 18) - 1);
    r.augment.flip = 0;
    assert_int_equal(moves_of_a_run(r), (1 << 9) - 1);
}

static void test_a_teacher_is_asked_once(void **state)
{
    (void)state;
    vit158_train_recipe r;
    recipe(&r);
    vit158_trainer *with = student(&r), *without = student(&r), *early = student(&r);
    fixture_steps(with, 4 * EPOCH_STEPS);
    fixture_steps(without, 2 * EPOCH_STEPS);
    silence(without);
    fixture_steps(without, 2 * EPOCH_STEPS);
    assert_same_weights(with, without, true);
    fixture_steps(early, 2 * EPOCH_STEPS - 1);
    silence(early);
    fixture_steps(early, 2 * EPOCH_STEPS + 1);
    assert_same_weights(with, early, false);
    vit158_trainer_close(with);
    vit158_trainer_close(without);
    vit158_trainer_close(early);
}

/* Images that are no longer mixed or changed are others, which have to be asked about. */
static void test_plain_images_are_asked_about(void **state)
{
    (void)state;
    vit158_train_recipe r;
    recipe(&r);
    r.epochs = 4;
    for (int i = 0; i < 2; i++) {
        r.mix_until = i ? 1.0F : 0.5F;
        r.augment_until = i ? 0.5F : 1.0F;
        vit158_trainer *with = student(&r), *silenced = student(&r);
        fixture_steps(with, 3 * EPOCH_STEPS);
        fixture_steps(silenced, 2 * EPOCH_STEPS);
        silence(silenced);
        fixture_steps(silenced, EPOCH_STEPS);
        assert_same_weights(with, silenced, false);
        vit158_trainer_close(with);
        vit158_trainer_close(silenced);
    }
}

/* A file of part of the soft labels: they are taken from it, the others asked and added. */
static void test_a_file_hands_soft_labels_on(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    recipe(&r);
    vit158_trainer *first = student(&r), *whole = student(&r);
    fixture_steps(first, EPOCH_STEPS);
    assert_int_equal(vit158_train_soft_labels_save(first->soft_labels, &error), VIT158_OK);
    vit158_trainer *second = student(&r);
    fixture_steps(whole, EPOCH_STEPS);
    silence(second);
    fixture_steps(second, EPOCH_STEPS);
    assert_same_weights(whole, second, true);
    fixture_steps(whole, EPOCH_STEPS);
    fixture_steps(second, EPOCH_STEPS);
    assert_same_weights(whole, second, false);

    assert_int_equal(remove(r.teacher_answers), 0);
    assert_int_equal(vit158_train_soft_labels_save(first->soft_labels, &error), VIT158_OK);
    assert_int_equal(remove(r.teacher_answers), -1); /* nothing new, nothing written */
    fixture_steps(first, 1);
    assert_int_equal(vit158_train_soft_labels_save(first->soft_labels, &error), VIT158_OK);
    assert_int_equal(remove(r.teacher_answers), 0);
    vit158_trainer_close(first);
    vit158_trainer_close(second);
    vit158_trainer_close(whole);
}

static void refuse(const vit158_train_recipe *r)
{
    vit158_error error;
    char message[VIT158_TRAIN_RECIPE_TEXT + 120];
    vit158_trainer *t;
    assert_int_equal(open_student(&t, r, &error), VIT158_E_ARGUMENT);
    vit158_format(message, sizeof message,
                  "%s has soft labels of other teachers or of other images than this recipe's; "
                  "name another file",
                  r->teacher_answers);
    assert_string_equal(error.message, message);
    vit158_trainer_close(t);
}

static void test_soft_labels_of_other_images_are_refused(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    recipe(&r);
    vit158_trainer *t = student(&r);
    fixture_steps(t, 1);
    assert_int_equal(vit158_train_soft_labels_save(t->soft_labels, &error), VIT158_OK);
    vit158_trainer_close(t);
    r.seed++;
    refuse(&r);
    recipe(&r);
    r.augment.mix = 0.6F;
    refuse(&r);
    recipe(&r);
    r.teacher_epochs = 3;
    refuse(&r);
    recipe(&r);
    r.microbatch = 4;
    refuse(&r);
    recipe(&r);
    vit158_format(r.teacher, sizeof r.teacher, "%s,%s", fixture_path("teacher.safetensors"),
                  fixture_path("teacher.safetensors"));
    refuse(&r);
    recipe(&r);
    r.weight_decay = 0.0F; /* the student's own affair */
    vit158_trainer_close(student(&r));
    assert_int_equal(remove(r.teacher_answers), 0);
}

static void test_a_damaged_file_is_named(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    recipe(&r);
    FILE *file = fopen(r.teacher_answers, "wb");
    assert_non_null(file);
    fputs("nothing of the kind", file);
    fclose(file);
    vit158_trainer *t;
    assert_int_not_equal(open_student(&t, &r, &error), VIT158_OK);
    assert_non_null(strstr(error.message, r.teacher_answers));
    vit158_trainer_close(t);
    assert_int_equal(remove(r.teacher_answers), 0);
}

static void test_soft_labels_need_a_teacher(void **state)
{
    (void)state;
    vit158_train_recipe r;
    vit158_error error;
    recipe(&r);
    r.teacher[0] = 0;
    assert_int_equal(vit158_train_recipe_check(&r, &error), VIT158_E_ARGUMENT);
    assert_string_equal(error.message, "teacher_epochs is 2 without a teacher");
    recipe(&r);
    r.teacher_epochs = 0;
    assert_int_equal(vit158_train_recipe_check(&r, &error), VIT158_E_ARGUMENT);
    assert_string_equal(error.message, "teacher_answers without teacher_epochs");
    r.teacher_answers[0] = 0;
    r.teacher_shift = 1;
    assert_int_equal(vit158_train_recipe_check(&r, &error), VIT158_E_ARGUMENT);
    assert_string_equal(error.message, "teacher_shift is 1 without teacher_epochs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_come_again_but_other_patches),
        cmocka_unit_test(test_the_student_sees_images_moved_each_way),
        cmocka_unit_test(test_a_teacher_is_asked_once),
        cmocka_unit_test(test_plain_images_are_asked_about),
        cmocka_unit_test(test_a_file_hands_soft_labels_on),
        cmocka_unit_test(test_soft_labels_of_other_images_are_refused),
        cmocka_unit_test(test_a_damaged_file_is_named),
        cmocka_unit_test(test_soft_labels_need_a_teacher),
    };
    return cmocka_run_group_tests(tests, make_teacher, fixture_remove_folder);
}
