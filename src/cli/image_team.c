/* SPDX-License-Identifier: MIT
 *
 * See image_team.h. A worker takes the next image, runs it, and hands it over when all before
 * it have been: results need no room beyond the workers' sessions.
 */
#define _POSIX_C_SOURCE 200809L
#include "cli/image_team.h"

#include <pthread.h>
#include <stdlib.h>

#include "cli/run_command.h"

#define MOST_UNTOLD 8

typedef struct team {
    const vit158_image_work *work;
    pthread_mutex_t taking; /* apart: taking may wait for a list's next line */
    size_t taken;
    bool ended; /* there are no more to take */
    pthread_mutex_t handing;
    pthread_cond_t handed_over;
    size_t handed; /* images handed over */
} team;

typedef struct member {
    team *team;
    vit158_classifier classifier; /* shares the model, has its own session */
    pthread_t thread;
} member;

vit158_option vit158_workers_option(uint32_t *value)
{
    return (vit158_option){.name = "--workers",
                           .placeholder = "N",
                           .help = "images at once (by cores)",
                           .kind = VIT158_OPTION_UINT,
                           .value = value,
                           .min = 1,
                           .max = VIT158_MAX_WORKERS};
}

uint32_t vit158_choose_workers(uint32_t told, uint32_t threads, size_t images)
{
    const size_t most = told > 0 ? told : threads > 1 ? 1 : vit158_core_count(MOST_UNTOLD);
    const size_t workers = most < images ? most : images;
    return workers > 0 ? (uint32_t)workers : 1;
}

static bool take(team *t, size_t *index, vit158_image_item *item)
{
    pthread_mutex_lock(&t->taking);
    *item = (vit158_image_item){0};
    t->ended = t->ended || !t->work->take(t->work->source, item);
    const bool taken = !t->ended;
    if (taken)
        *index = t->taken++;
    pthread_mutex_unlock(&t->taking);
    return taken;
}

static void work(team *t, vit158_classifier *c)
{
    const vit158_image_work *const w = t->work;
    vit158_image_item item;
    size_t index;
    while (take(t, &index, &item)) {
        vit158_image_timing timing = {0};
        if (item.status == VIT158_OK)
            item.status = vit158_classifier_run(c, &timing, item.path, &item.error);
        pthread_mutex_lock(&t->handing);
        while (t->handed != index)
            pthread_cond_wait(&t->handed_over, &t->handing);
        w->done(w->context, index, &item, c, &timing,
                item.status == VIT158_OK ? NULL : &item.error);
        t->handed++;
        pthread_cond_broadcast(&t->handed_over);
        pthread_mutex_unlock(&t->handing);
        free(item.path);
    }
}

static void *start(void *argument)
{
    member *const m = argument;
    work(m->team, &m->classifier);
    return NULL;
}

/* False if there is no memory or thread for another. */
static bool add_member(member *m, team *t, const vit158_classifier *c)
{
    *m = (member){.team = t, .classifier = *c};
    if (vit158_session_create(&m->classifier.session, c->model, &c->options, NULL) != VIT158_OK)
        return false;
    if (pthread_create(&m->thread, NULL, start, m) == 0)
        return true;
    vit158_session_close(m->classifier.session);
    return false;
}

void vit158_run_images(vit158_classifier *c, const vit158_image_work *images, uint32_t workers)
{
    member members[VIT158_MAX_WORKERS];
    team t = {.work = images,
              .taking = PTHREAD_MUTEX_INITIALIZER,
              .handing = PTHREAD_MUTEX_INITIALIZER,
              .handed_over = PTHREAD_COND_INITIALIZER};
    uint32_t helpers = 0;
    while (helpers + 1 < workers && helpers < VIT158_MAX_WORKERS &&
           add_member(&members[helpers], &t, c))
        helpers++;
    work(&t, c);
    for (uint32_t i = 0; i < helpers; i++) {
        pthread_join(members[i].thread, NULL);
        vit158_session_close(members[i].classifier.session);
    }
    pthread_mutex_destroy(&t.taking);
    pthread_mutex_destroy(&t.handing);
    pthread_cond_destroy(&t.handed_over);
}
