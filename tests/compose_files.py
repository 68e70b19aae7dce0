"""Small compose files of many forms, each read by our own reader and by Docker Compose in tests.

Each is a folder: its files by name. `compose.yaml` is the one to read; the service to measure is `web`.
"""

from collections.abc import Mapping

ENVIRON = {"SECRET": "s3cret", "TAG": "1.2", "EMPTY": "", "HOME": "/root"}
"""The caller's environment."""

FILES: Mapping[str, Mapping[str, str]] = {
    "references": {
        "compose.yaml": """\
services:
  web:
    image: "shop:${TAG}-${FLAVOUR:-slim}"
    command:
      ["serve", "${EMPTY:-fallback}", "${EMPTY-kept}", "${TAG:+set}", "${NONE+no}", "$$HOME", "$TAG", "5$"]
    environment:
      NESTED: "${NONE:-${OTHER:-deep}}"
      BRACES: '${NONE:-{"a": 1}}'
      PASSWORD: "${SECRET}"
      URL: "postgres://u:${SECRET:?set SECRET}@db/${NONE:-app}"
      DOLLAR: "hello $${NAME}"
      TAGGED: "${SECRET:+yes}"
      PASSED:
      SECRET:
    ports: ["${PORT:-8000}:${PORT:-8000}"]
    working_dir: "${NONE}"
""",
        ".env": "PORT=9000\n",
    },
    "dotenv": {
        "compose.yaml": """\
services:
  web:
    image: "x:${A}"
    environment: ["B=${B}", "C=${C}", "D=${D}", "E=${E}", "F=${F}", "G=${G}", "H=${H}", J, K]
    ports: [80]
""",
        ".env": """\
# a comment
A=5 # five
B="hello # not a comment"
C='single ${A} $B'
D="line one
line two"
export E=yes
F=${A}${TAG}
G = spaced
H=a#b
I=
J= # no comment
K:like yaml # five
""",
    },
    "env files": {
        "compose.yaml": """\
services:
  web:
    image: x
    env_file:
      - first.env
      - path: second.env
      - {path: missing.env, required: false}
    environment: {OWN: "1", OVER: environment}
    ports: [80]
""",
        "first.env": """\
A=5 # light
OVER=file
Q='a"b'
DOTTED.NAME=1
REF=${A}-${SECRET}
SECRET
TAB=a\\tb
M="a\\nb"
""",
        "second.env": "A=6\nTWO=${TAG:-none}\nEARLIER=${REF}\n",
    },
    "env file as a text": {
        "compose.yaml": "services:\n  web: {image: x, env_file: ./some.env, ports: [80]}\n",
        "some.env": "PLAIN=yes\n",
    },
    "anchors": {
        "compose.yaml": """\
x-env: &env {LEVEL: info, WORKERS: 2}
x-base: &base
  image: base:1
  restart: always
  environment: &more
    <<: *env
    MORE: "yes"
services:
  web:
    <<: *base
    environment:
      {<<: [*env, *more], LEVEL: debug, RATIO: 0.5, BIG: 1e3, OCTAL: 0644, ON: on, YES: true}
    ports: ["80"]
""",
    },
    "extends": {
        "compose.yaml": """\
services:
  base:
    image: base:1
    command: base
    environment: {A: base, B: base}
    ports: ["80"]
    volumes: ["./base:/base:ro", "data:/data"]
    labels: {a: b}
  middle: {extends: base, environment: {B: middle}}
  web:
    extends: {service: middle}
    environment: ["C=web"]
    volumes: ["./web:/base:ro"]
    ports: ["81"]
  other: {extends: {file: sub/more.yaml, service: job}}
volumes: {data: {}}
""",
        "sub/more.yaml": "services: {job: {build: ./here, env_file: [job.env]}}\n",
        "sub/job.env": "JOB=1\n",
        "base/x": "",
        "web/x": "",
    },
    "extends another file": {
        "compose.yaml": "services: {web: {extends: {file: sub/more.yaml, service: job}, ports: [80]}}\n",
        "sub/more.yaml": """\
services:
  job:
    extends: base
    build: {context: ./here, dockerfile: Dockerfile.job}
    env_file: [job.env]
    volumes: ["./d:/d:ro"]
  base: {user: "1000", configs: [c]}
configs: {c: {file: x}}
""",
        "sub/job.env": "JOB=1\n",
        "sub/d/x": "",
        "compose.override.yaml": "configs: {c: {content: \"inline ${SECRET}\"}}\n",
    },
    "include": {
        "compose.yaml": """\
include:
  - data/db.yaml
  - {path: [cache.yaml], env_file: cache.env}
services:
  web: {image: x, ports: [80], depends_on: [db, cache]}
""",
        "data/db.yaml": """\
services:
  db: {build: ./image, image: "postgres:${DB_TAG:-1}", volumes: ["./seed:/seed:ro"]}
""",
        "data/.env": "DB_TAG=16\n",
        "data/seed/x": "",
        "cache.yaml": "services: {cache: {image: 'redis:${CACHE_TAG}'}}\n",
        "cache.env": "CACHE_TAG=7\n",
    },
    "override": {
        "compose.yaml": """\
services:
  web:
    image: x:1
    command: ["a", "b"]
    entrypoint: ["e"]
    environment: {A: "1", B: "1"}
    ports: ["8080:80"]
    expose: ["90"]
    volumes: ["./a:/data:ro", "vol:/v"]
    depends_on: [db]
    cap_add: [NET_ADMIN]
    dns: 1.1.1.1
    healthcheck: {test: ["CMD", "true"], interval: 5s}
    build: {context: ., args: {X: "1", Y: "1"}}
    ulimits: {nofile: 10, nproc: {soft: 1, hard: 2}}
    extra_hosts: ["a:1.1.1.1"]
    tmpfs: /run
    networks: [inner]
  db: {image: "postgres:1"}
networks: {inner: {}}
volumes: {vol: {}}
""",
        "compose.override.yaml": """\
services:
  web:
    image: x:2
    command: c
    environment: ["B=2", "C=3"]
    ports: ["9090:90"]
    volumes: ["./b:/data:ro"]
    depends_on: {db: {condition: service_healthy}}
    cap_add: [SYS_NICE]
    dns: [8.8.8.8]
    healthcheck: {test: ["CMD", "false"]}
    build: {args: ["Y=2", TAG, NONE]}
    ulimits: {nofile: {soft: 20, hard: 30}}
    extra_hosts: {b: 2.2.2.2}
    tmpfs: [/tmp]
    networks: {inner: {aliases: [shop]}}
""",
        "a/x": "",
        "b/x": "",
    },
    "reset and override": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports: ["80", "81"]
    environment: {A: "1", B: "1"}
    command: ["a"]
    volumes: ["vol:/v"]
    privileged: true
volumes: {vol: {}}
""",
        "compose.override.yaml": """\
services:
  web:
    ports: !override ["90"]
    environment: {A: !reset null}
    volumes: !reset []
    privileged: !reset false
""",
    },
    "tags beside extends and include": {
        "compose.yaml": """\
include: [other.yaml]
services:
  web:
    extends: base
    ports: !override ["90"]
    environment: {A: !reset null, B: "2"}
    volumes: !reset []
    depends_on: [job]
  job: {extends: {file: more.yaml, service: job}, command: !reset null}
  base: {image: x, ports: ["80"], environment: {A: "1", B: "1", C: "1"}, volumes: ["data:/data"]}
volumes: {data: {}}
""",
        "more.yaml": """\
services:
  job: {extends: deep, image: y, command: [run], environment: {D: "1"}}
  deep: {environment: {E: "1"}, user: "5"}
""",
        "other.yaml": "services: {other: {image: z}}\n",
    },
    "an empty service that another extends": {
        "compose.yaml": "services: {web: {extends: {file: a.yaml, service: a}, image: x, ports: [80]}}\n",
        "a.yaml": "services:\n  a:\n",
    },
    "ports": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports:
      - "53:53/udp"
      - "22:22"
      - "127.0.0.1:8001:8001"
      - "127.0.0.1::8002"
      - "9000-9001:9000-9001"
      - "3000-3001"
      - {target: 6000, published: "7000", protocol: tcp, mode: host}
      - "[::1]:6001:6001"
      - 8080
""",
    },
    "commands": {
        "compose.yaml": """\
services:
  web:
    image: x
    command: serve --name "two words" --empty "" 'single $$x' a\\ b
    entrypoint: ""
    ports: [80]
    depends_on: [a, b, c, d]
  a: {image: x, command: [], entrypoint: []}
  b: {image: x, command: null, entrypoint: ["sh", "-c"]}
  c: {image: x, command: "one && two"}
  d:
    image: x
    command: >
      folded
      text
""",
    },
    "numbers": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports: [80]
    shm_size: 64mb
    pids_limit: 100
    ulimits: {nofile: 1024, memlock: {soft: -1, hard: -1}}
    sysctls: {net.core.somaxconn: 1024}
    depends_on: [a, b, c, d, e]
  a: {image: x, cpus: "${CPUS:-0.5}", mem_limit: "${MEM:-128M}"}
  b: {image: x, mem_limit: 0.3g}
  c: {image: x, deploy: {resources: {limits: {cpus: "0.7", memory: 96MB, pids: 50}}}}
  d: {image: x, cpu_quota: 50000, mem_limit: 1gb}
  e: {image: x, mem_limit: 1073741824, cpus: 0.25, sysctls: ["net.core.somaxconn=5"]}
""",
    },
    "mounts": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports: [80]
    volumes:
      - ./conf:/conf:ro
      - ./data:/data/
      - /anonymous
      - shared:/shared:nocopy
      - {type: tmpfs, target: /fast, tmpfs: {size: 64m, mode: 01777}}
      - {type: bind, source: ./conf, target: /long, read_only: true, bind: {selinux: z}}
      - {type: volume, source: folder, target: /folder}
      - {type: volume, source: memory, target: /memory}
      - ./missing:/missing:rw,Z
      - named:/named:z,ro
      - ./conf:/propagated:ro,rslave
    tmpfs: ["/run:size=64m,mode=1777"]
volumes:
  shared: {external: true}
  named: {}
  folder: {driver_opts: {type: none, o: bind, device: "./conf"}}
  memory: {driver_opts: {type: tmpfs, device: tmpfs, o: "size=1m"}}
""",
        "conf/x": "",
        "data/x": "",
    },
    "scalars that Go writes otherwise": {
        "compose.yaml": """\
name: My_Shop
services:
  web:
    image: x
    ports: [80]\t# a tab
    container_name: ${COMPOSE_PROJECT_NAME}-web
    command:\tsh -c "a\\nb" 2>&1
    environment: {A: 1e6, B: 100000.0, C: -0.00001, D: 1.5, E: 1234567.5, F: 1e400, G: !vault x,
      H: !!binary aGk=, I: 2024-01-02, J: 2024-1-2T03:04:05.60+02:00, K: 2024-01-02 03:04:05}
""",
    },
    "a build without its context": {
        "compose.yaml": """\
services:
  web: {extends: {file: sub/base.yaml, service: base}, ports: [80], build: {args: {A: 2}}, depends_on: [job]}
  job: {build: {context: ./job, target: one}}
""",
        "compose.override.yaml": "services: {job: {build: {target: two}}, web: {environment: {EQUALS: =}}}\n",
        "sub/base.yaml": "services: {base: {build: {context: app, args: [A=1, B=1]}}}\n",
        "sub/app/x": "",
        "job/x": "",
    },
    "variables of an included file": {
        "compose.yaml": """\
include: [{path: inner.yaml, env_file: inner.env}]
services: {web: {image: x, ports: [80], depends_on: [inner]}}
""",
        "inner.yaml": "services: {inner: {image: x, expose: ['1'], environment: [OWN, SECRET, GONE]}}\n",
        "inner.env": "OWN=inner\nSECRET=unread\n",
    },
    "volumes that begin empty": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports: [80]
    depends_on: [fill]
    volumes:
      - {type: volume, source: data, target: /data, read_only: true, volume: {nocopy: true}}
      - site:/site:ro
      - {type: volume, target: /own, volume: {nocopy: true}}
  fill: {image: y, expose: ["1"], volumes: ["data:/data", "site:/site"]}
volumes: {data: {}, site: {}}
""",
    },
    "files of COMPOSE_FILE": {
        ".env": "COMPOSE_FILE=compose.yaml:more.yaml\n",
        "compose.yaml": "services: {web: {image: x, ports: [80], command: ['1']}}\n",
        "compose.override.yaml": "services: {web: {image: unread}}\n",
        "more.yaml": "services: {web: {ports: !override [90], command: ['2']}}\n",
    },
    "env files of an included file": {
        "compose.yaml": """\
include: [{path: inner/compose.yaml, env_file: [inner/a.env, inner/b.env]}]
services: {web: {image: x, ports: [80], depends_on: [inner]}}
""",
        "inner/compose.yaml": """\
services: {inner: {image: x, expose: ["1"], command: ["${TAG}", "${A}", "${B}", "${C}"]}}
""",
        "inner/a.env": "A=first\nB=first\nTAG=a\n",
        "inner/b.env": "B=second\nC=${A}-\nTAG=b\n",
    },
    "yaml 1.1 and reused anchors": {
        "compose.yaml": """\
%YAML 1.1
---
x-one: &port "20"
x-more:
  first: &value {FIRST: 1}
  port: &port "30"
  second: &other {SECOND: 2, FIRST: 3}
services:
  web:
    image: x
    ports: [*port]
    environment:
      <<: [*value, *other]
      ON: yes
      TIME: 22:22
""",
    },
    "secrets and configs": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports: [80]
    secrets: [token, {source: key, target: /etc/key, mode: 0400}, {source: env, target: env}]
    configs: [site, {source: text, target: /etc/text, mode: 0440}]
secrets:
  token: {file: ./token.txt}
  key: {file: ./token.txt}
  env: {environment: SECRET}
configs:
  site: {file: ./token.txt}
  text: {content: "a ${TAG} $${b}\\n"}
""",
        "token.txt": "t",
    },
    "build": {
        "compose.yaml": """\
services:
  web:
    build:
      context: ./app
      dockerfile: docker/Dockerfile
      target: prod
      args: [TAG, FIXED=1, NONE]
      network: host
      extra_hosts: ["a:1.1.1.1"]
      labels: {a: b}
      cache_from: [x]
      secrets: [token]
      ssh: [default]
      platforms: [linux/amd64]
    ports: [80]
    depends_on: [inline, plain]
  inline:
    build:
      dockerfile_inline: |
        FROM x
        RUN echo $$HOME
  plain: {build: ./app}
secrets: {token: {environment: SECRET}}
""",
        "app/docker/Dockerfile": "FROM x\n",
    },
    "further contexts of a build": {
        "compose.yaml": """\
services:
  web:
    build:
      context: ./app
      additional_contexts:
        shared: ./shared
        alpine: docker-image://alpine:3.20
        sources: https://example.test/x.git#main
      pull: true
      no_cache: true
      tags: [a:1]
      shm_size: 64m
    ports: [80]
    depends_on: [other]
  other: {build: {context: ./app, additional_contexts: ["shared=./shared", "built=service:built"]}}
  built: {build: {context: ./shared, target: two}}
""",
        "app/Dockerfile": "FROM x\n",
        "shared/x": "",
    },
    "volumes from": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports: [80]
    volumes_from: [files, "data:ro", "container:shop-cache:rw"]
    volumes: ["own:/own", "./conf:/place:ro"]
  files: {image: y, volumes: ["./static:/static", "named:/named", /nameless, "other:/place"]}
  data: {image: z, volumes: ["./static:/data"], volumes_from: [deep], tmpfs: /run}
  deep: {image: z, volumes: ["deep:/deep"]}
  cache: {image: c, container_name: shop-cache, volumes: [{type: tmpfs, target: /fast}, "/cached"]}
volumes: {own: {}, named: {}, other: {}, deep: {}}
""",
        "conf/x": "",
        "static/x": "",
    },
    "restarts": {
        "compose.yaml": """\
services:
  web: {image: x, ports: [80], restart: always, depends_on: [a, b, c, d], pull_policy: always}
  a: {image: a, restart: "no"}
  b: {image: b, restart: "on-failure:3", pull_policy: build}
  c: {image: c, deploy: {restart_policy: {condition: any, delay: 5s, max_attempts: 3, window: 1m}}}
  d: {image: d, deploy: {restart_policy: {condition: none}}}
""",
    },
    "repetitions": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports: ["80", "80", "81:81", "81:81"]
    tmpfs: [/a, /a]
    dns: [1.1.1.1, 1.1.1.1]
    environment: ["A=1", "A=1", "A=2"]
    volumes: ["vol:/v", "vol:/v", "other:/v", "C:/x:/y:ro"]
    cap_add: [SYS_NICE, SYS_NICE]
volumes: {vol: {}, other: {}}
""",
    },
    "an image that another service builds": {
        "compose.yaml": """\
services:
  web: {image: "shop:dev", ports: [80], depends_on: [migrate]}
  migrate: {image: "shop:dev", command: [migrate]}
  builder: {image: "shop:dev", build: {context: ., target: prod}, profiles: [build]}
""",
    },
    "health": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports: [80]
    healthcheck:
      {test: curl -f "http://localhost/$$A", start_period: 3m, interval: 5s, retries: 10, timeout: 2s}
    depends_on:
      a: {condition: service_healthy}
      b: {condition: service_started}
      c: {condition: service_completed_successfully}
      d: {condition: service_healthy, required: false}
  a: {image: x, healthcheck: {interval: 1m30s}}
  b: {image: x, healthcheck: {disable: true}}
  c: {image: x, depends_on: [a]}
  d: {image: x, healthcheck: {test: ["NONE"]}}
""",
    },
    "names": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports: [80]
    container_name: shop
    hostname: shop-host
    domainname: example.test
    links: ["My_Db.1:database", cache]
    networks: {front: {aliases: [www]}, back: null}
    extra_hosts: ["api.local:127.0.0.1", "host.docker.internal=host-gateway", "six:::1"]
  My_Db.1: {image: postgres, container_name: shop-db, networks: [back]}
  cache: {image: redis, networks: {back: {ipv4_address: 172.28.0.9}}}
networks: {front: {}, back: {ipam: {config: [{subnet: 172.28.0.0/16}]}}}
""",
    },
    "network of another": {
        "compose.yaml": """\
services:
  web: {image: x, network_mode: "service:vpn"}
  vpn: {image: y, ports: ["8080:8000"]}
""",
    },
    "name of another": {
        "compose.yaml": """\
services:
  web: {image: x, ports: [80], uts: "service:host", pid: "service:other"}
  host: {image: y}
  other: {image: z}
""",
    },
    "project name": {
        "compose.yaml": """\
name: shop
services:
  web: {image: x, container_name: "${COMPOSE_PROJECT_NAME}-web", ports: [80], restart: "on-failure:3"}
""",
    },
    "SSH keys": {
        "compose.yaml": """\
services:
  web:
    build: {context: ., ssh: {default: , key: ./id_key}}
    ports: [80]
""",
    },
    "profiles": {
        "compose.yaml": """\
services:
  web: {image: x, ports: [80], depends_on: [db], profiles: [app]}
  db: {image: postgres, profiles: [app]}
  debug: {image: y, profiles: [debug], environment: {NEEDS: "${NONE}"}}
""",
    },
    "switches": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports: [80]
    init: true
    read_only: "${READ_ONLY:-true}"
    tty: true
    stdin_open: true
    user: "1000:1000"
    group_add: ["999"]
    cap_add: [CAP_NET_RAW]
    cap_drop: [ALL]
    dns: 1.1.1.1
    dns_search: [a.b]
    security_opt: ["no-new-privileges:true", "seccomp:unconfined"]
    stop_grace_period: 1m
    stop_signal: SIGINT
    restart: unless-stopped
    logging: {driver: json-file, options: {max-size: 1m}}
    cpu_shares: 512
    cpuset: "0"
    mac_address: "02:42:ac:11:65:43"
    oom_kill_disable: true
    platform: linux/amd64
    deploy: {replicas: 2, mode: replicated, restart_policy: {condition: any}}
    depends_on: [none]
  none: {image: y, scale: 0}
""",
    },
    "refused": {
        "compose.yaml": """\
services:
  web:
    image: x
    ports: [80]
    privileged: true
    devices: ["/dev/fuse"]
    pid: host
    ipc: host
    runtime: nvidia
    volumes: ["/var/run/docker.sock:/var/run/docker.sock", "/srv:/srv"]
""",
    },
}  # fmt: skip
