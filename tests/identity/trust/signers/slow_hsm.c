/* A PKCS#11 library that is SoftHSM but for C_Sign, which never returns while the file named by SLOW_HSM is there; it
 * makes the one named by SLOW_HSM_ASKED first. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* CK_FUNCTION_LIST of Cryptoki 2: a version, then the functions in the order of the standard; C_Sign is the 44th. */
enum { FUNCTIONS = 68, SIGN = 43, GET_LIST = 3 };
struct list { unsigned char version[2]; void *function[FUNCTIONS]; };
typedef unsigned long (*get_list)(struct list **);
typedef unsigned long (*sign)(unsigned long, void *, unsigned long, void *, unsigned long *);

static struct list mine;
static sign theirs;

static unsigned long slow(unsigned long session, void *data, unsigned long size, void *made, unsigned long *length) {
    if (access(getenv("SLOW_HSM"), F_OK) == 0) close(creat(getenv("SLOW_HSM_ASKED"), 0600));
    while (access(getenv("SLOW_HSM"), F_OK) == 0) usleep(1000);
    return theirs(session, data, size, made, length);
}

unsigned long C_GetFunctionList(struct list **out) {
    void *real = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW);
    struct list *found;
    if (!real || ((get_list)dlsym(real, "C_GetFunctionList"))(&found)) return 5;
    memcpy(&mine, found, sizeof mine);
    theirs = (sign)found->function[SIGN];
    mine.function[SIGN] = (void *)slow;
    mine.function[GET_LIST] = (void *)C_GetFunctionList;
    *out = &mine;
    return 0;
}
