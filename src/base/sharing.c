/* SPDX-License-Identifier: MIT
 *
 * The states, left by the time that an image took:
 *
 *                three strikes, or the first eight good images
 *        SHARED ------------------------------------------------> ALONE, on trial
 *          ^ ^                                                      |        |
 *          | |        no faster than sharing was: stay shared       |        |
 *          | +------------------------------------------------------+        |
 *          |                                                       faster    |
 *          | well below the time alone                                       v
 *        SHARED, on trial <--------------------------------------- ALONE, for a stay
 *          |                     the stay is over                            ^
 *          +-----------------------------------------------------------------+
 *                     not well below it: alone again, for a stay twice as long
 *
 * tests/unit/test_sharing_model.c goes through all sequences of fast, slow and very slow images.
 */
#include "base/sharing.h"

/* A shared image is slow if it takes so many times as long as the best of them; a machine without
 * other work stays well below. */
#define SLOW 1.3
/* Sharing is taken up again if it takes less than this share of the time alone. */
#define WORTH 0.9
/* Images of the first stay and of the longest. */
#define LEAST_STAY 4U
#define MOST_STAY 64U
/* A slow image makes two strikes, another one takes one back; at three, alone is tried: one
 * interruption now and then is not worth it. */
#define STRIKES 3U
/* So many shared images without a slow one: whatever was in the way is gone. The first time,
 * alone is tried even so: it may have been in the way from the start. */
#define GOOD 8U

static uint32_t longer(uint32_t stay)
{
    return stay < MOST_STAY ? 2 * stay : MOST_STAY;
}

vit158_sharing vit158_sharing_begin(void)
{
    return (vit158_sharing){.shared_stay = LEAST_STAY, .alone_stay = LEAST_STAY};
}

static void took_alone(vit158_sharing *s, double ms)
{
    const bool in_vain = s->trial && ms >= s->slow_ms;
    if (s->trial && !in_vain) {
        s->stay = s->alone_stay;
        s->shared_stay = LEAST_STAY;
    }
    s->trial = false;
    s->alone_ms = s->alone_ms > 0.0 ? 0.5 * (s->alone_ms + ms) : ms;
    if (in_vain) {
        s->alone = false;
        s->shared_ms = s->slow_ms; /* what is to be expected now */
        s->stay = s->shared_stay;
        s->shared_stay = longer(s->shared_stay);
    } else if (--s->stay == 0) {
        s->alone = false;
        s->trial = true;
    }
}

static void took_shared(vit158_sharing *s, double ms)
{
    const bool in_vain = s->trial && ms >= WORTH * s->alone_ms;
    s->trial = false;
    if (in_vain) {
        s->alone = true;
        s->alone_stay = longer(s->alone_stay);
        s->stay = s->alone_stay;
        return;
    }
    if (s->shared_ms == 0.0 || ms < s->shared_ms)
        s->shared_ms = ms;
    const bool slow = ms > SLOW * s->shared_ms;
    s->good = slow ? 0 : s->good + 1;
    if (s->good >= GOOD)
        s->alone_stay = s->shared_stay = LEAST_STAY;
    if (s->stay > 0) {
        s->stay--;
    } else if (slow) {
        s->slow_ms = s->strikes > 0 ? 0.5 * (s->slow_ms + ms) : ms;
        s->strikes += 2;
    } else if (s->strikes > 0) {
        s->strikes--;
    }
    if (s->alone_ms == 0.0 && s->good == GOOD) {
        s->slow_ms = ms;
        s->strikes = STRIKES;
    }
    if (s->strikes >= STRIKES) {
        s->alone = s->trial = true;
        s->strikes = 0;
    }
}

void vit158_sharing_took(vit158_sharing *s, double ms)
{
    if (s->alone)
        took_alone(s, ms);
    else
        took_shared(s, ms);
}
