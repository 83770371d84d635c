/* Preloaded before PostgreSQL: fsync and fdatasync take as many milliseconds longer as the file OPENBOURSE_SLOW says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_a_while(void) {
    int milliseconds = 0;
    const char *path = getenv("OPENBOURSE_SLOW");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) return;
    if (fscanf(file, "%d", &milliseconds) == 1 && milliseconds > 0) usleep(milliseconds * 1000);
    fclose(file);
}
#define SLOW(name) \
    int name(int descriptor) { \
        int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, #name); \
        wait_a_while(); \
        return real(descriptor); \
    }
SLOW(fsync)
SLOW(fdatasync)
