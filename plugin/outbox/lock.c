/* SPDX-License-Identifier: Apache-2.0
 *
 * A child that the host forks and that never calls exec would keep our locks beyond our death, for they hang on the
 * descriptor that it has a copy of. So a child closes its copies, first of all. */
#include "outbox/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_ATTEMPTS = 100 }; /* each fails only when somebody else took and removed it just then */

static pthread_mutex_t mutex =
    PTHREAD_MUTEX_INITIALIZER; /* over `held`, and over what opens and closes its descriptors */
static struct lock *held;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
    pthread_mutex_lock(&mutex);
}

static void in_parent(void)
{
    pthread_mutex_unlock(&mutex);
}

static void in_child(void)
{
    for (struct lock *lock = held; lock; lock = lock->next) {
        close(lock->fd);
        lock->fd = -1;
    }
    held = NULL;
    pthread_mutex_unlock(&mutex);
}

static void arm(void)
{
    /* Refused for want of memory: children keep a copy of the lock then, and it lasts as long as they do. */
    (void)pthread_atfork(before_fork, in_parent, in_child);
}

static bool open_held(struct lock *lock, const char *path)
{
    pthread_once(&once, arm);
    pthread_mutex_lock(&mutex);
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (lock->fd >= 0) {
        lock->next = held;
        held = lock;
    }
    pthread_mutex_unlock(&mutex);
    return lock->fd >= 0;
}

void lock_release(struct lock *lock)
{
    pthread_mutex_lock(&mutex);
    if (lock->fd >= 0) {
        struct lock **link = &held;
        while (*link != lock)
            link = &(*link)->next;
        *link = lock->next;
        close(lock->fd);
        lock->fd = -1;
    }
    pthread_mutex_unlock(&mutex);
}

/* Between our opening it and our locking it, who had the lock may have removed the file: then what we have locked is a
 * file that nobody else will ever find. */
static bool is_still_there(int fd, const char *path)
{
    struct stat ours, found;

    return fstat(fd, &ours) == 0 && lstat(path, &found) == 0 && ours.st_dev == found.st_dev &&
           ours.st_ino == found.st_ino;
}

static enum store_result failure(int error)
{
    switch (error) {
    case EAGAIN:
    case EACCES:
        return STORE_LOCKED;
    case ENOSPC:
    case EDQUOT:
        return STORE_FULL;
    case ENOMEM:
        return STORE_NO_MEMORY;
    default:
        return STORE_FAILED;
    }
}

enum store_result lock_take(struct lock *lock, const char *path)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET}; /* l_pid 0: OFD locks demand it */

    for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        if (!open_held(lock, path))
            return errno == EACCES ? STORE_FAILED : failure(errno);
        if (fcntl(lock->fd, F_OFD_SETLK, &whole)) {
            int error = errno;
            lock_release(lock);
            errno = error;
            return failure(error);
        }
        if (is_still_there(lock->fd, path)) {
            /* whatever the umask took away: the next pusher has to open it too */
            (void)fchmod(lock->fd, 0600);
            return STORE_OK;
        }
        lock_release(lock);
    }
    return STORE_LOCKED;
}

bool lock_is_held(const char *path)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return errno != ENOENT;
    bool is_held = fcntl(fd, F_OFD_GETLK, &whole) || whole.l_type != F_UNLCK;
    close(fd);
    return is_held;
}
