/* Runs one command and tells what it cost: a small process to start it from.
 *
 *     meter FD SECONDS EVENT_TYPE EVENT_CONFIG COMMAND…
 *
 * Python as the parent would not do. A process's peak memory (ru_maxrss) starts at what its parent
 * had at the fork, 9 MB for Python, where a program in C needs 2; and the time from fork to exec is
 * the program's too. Here both are next to nothing.
 *
 * Writes to FD, once the command has ended:
 *     wait status, 1 if the time was up, CPU time (ns), wall time (ns), peak memory (bytes), and the
 *     event's count (user mode alone, threads and children too) or -1 where the system offers none
 * The time of its children counts if it waited for them. The whole process group is killed then.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t child;
static volatile sig_atomic_t late;

static void on_alarm(int number) {
    (void)number;
    late = 1;
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
}

static int counter(pid_t process, unsigned type, unsigned long config) {
    struct perf_event_attr asked;
    memset(&asked, 0, sizeof asked);
    asked.size = sizeof asked;
    asked.type = type;
    asked.config = config;
    asked.disabled = asked.enable_on_exec = asked.inherit = 1;
    asked.exclude_kernel = type == PERF_TYPE_HARDWARE;
    asked.exclude_hv = 1;
    return (int)syscall(SYS_perf_event_open, &asked, process, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static long long nanoseconds(struct timeval time) {
    return (time.tv_sec * 1000000LL + time.tv_usec) * 1000LL;
}

int main(int count, char **words) {
    if (count < 6)
        return 125;
    int out = atoi(words[1]), go[2], status = 0;
    double seconds = atof(words[2]);
    if (pipe(go))
        return 125;
    child = fork();
    if (child == 0) {
        char byte;
        close(out);
        close(go[1]);
        setpgid(0, 0);
        if (read(go[0], &byte, 1) == 1) { /* wait for the counter */
            close(go[0]);
            execvp(words[5], words + 5);
        }
        _exit(errno == ENOENT ? 127 : 126);
    }
    setpgid(child, child);
    close(go[0]);
    int event = counter(child, (unsigned)strtoul(words[3], 0, 10), strtoul(words[4], 0, 10));
    signal(SIGALRM, on_alarm);
    struct itimerval limit = {{0, 0}, {(time_t)seconds, (suseconds_t)((seconds - (long)seconds) * 1e6)}};
    setitimer(ITIMER_REAL, &limit, 0);
    struct timespec began, ended;
    struct rusage used;
    clock_gettime(CLOCK_MONOTONIC, &began);
    if (write(go[1], "", 1) != 1)
        return 125;
    while (wait4(child, &status, 0, &used) < 0 && errno == EINTR)
        ;
    clock_gettime(CLOCK_MONOTONIC, &ended);
    kill(-child, SIGKILL);
    long long value = -1;
    if (event < 0 || read(event, &value, sizeof value) != sizeof value)
        value = -1;
    dprintf(out, "%d %d %lld %lld %lld %lld\n", status, (int)late,
            nanoseconds(used.ru_utime) + nanoseconds(used.ru_stime),
            (ended.tv_sec - began.tv_sec) * 1000000000LL + ended.tv_nsec - began.tv_nsec,
            used.ru_maxrss * 1024LL, value);
    return 0;
}
