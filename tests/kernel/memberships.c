/*
 * A workload with a known truth for kfree_rcu(): joins KEEP multicast groups and stays in them, then joins and leaves CHURN more. Each
 * membership is one struct ip_mc_socklist (kmalloc-64) from __ip_mc_join_group(), handed to kfree_rcu() on leaving. A child
 * holds the kept ones until the file HOLD is there (at most a minute).
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int change(int fd, int option, int number)
{
	struct ip_mreqn group = {.imr_ifindex = 1};

	group.imr_multiaddr.s_addr = htonl(0xef000000u + 256u + (unsigned int)number);
	if (!setsockopt(fd, IPPROTO_IP, option, &group, sizeof(group)))
		return 0;
	perror("setsockopt");
	return 1;
}

static int raise_limit(void)
{
	int fd = open("/proc/sys/net/ipv4/igmp_max_memberships", O_WRONLY);
	int failed = fd < 0 || write(fd, "1000000", 7) != 7;

	if (failed)
		perror("igmp_max_memberships");
	close(fd);
	return failed;
}

static void hold(const char *until)
{
	setsid();
	for (int i = 0; i < 600 && access(until, F_OK); i++)
		usleep(100000);
	_exit(0);
}

int main(int argc, char **argv)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc != 4) {
		fprintf(stderr, "usage: memberships KEEP CHURN HOLD\n");
		return 2;
	}
	if (fd < 0 || raise_limit())
		return 1;
	for (int i = 0; i < atoi(argv[1]); i++)
		if (change(fd, IP_ADD_MEMBERSHIP, i))
			return 1;
	for (int i = 0; i < atoi(argv[2]); i++)
		if (change(fd, IP_ADD_MEMBERSHIP, -1) || change(fd, IP_DROP_MEMBERSHIP, -1))
			return 1;
	if (fork() == 0)
		hold(argv[3]);
	return 0;
}
