"""Friends prepare a birthday, and an invitation."""

from config.sample.sentences import Topic

TOPIC = Topic(
    name="생일 파티",
    slots={
        "gift": ("목도리", "향수", "화분", "시계", "그림책"),
        "spot": ("우리 집", "노래방", "옥상", "분식집"),
        "cake": ("초콜릿 케이크", "딸기 케이크", "치즈 케이크", "고구마 케이크"),
        "role": ("풍선", "사진", "음악", "초대장"),
    },
    scenes=(
        """
        A {day:이} {name} 생일인 거 알지?
        / 얘들아, {name} 생일이 {day:이야}. 뭐 할까?
        B 맞다! 깜짝 파티 해 주자{laugh}
        / 벌써? 몰래 파티를 준비하자{laugh}
        C 좋아! {spot}에서 하면 어때?
        / 재미있겠다.{laugh} 장소는 {spot:이} 좋겠어.
        A 그래, {spot:으로} 하자. 선물은 뭐가 좋을까?
        / {spot} 좋다! 그럼 선물은 뭘로 하지?
        B {gift:은} 어때? 저번에 갖고 싶다고 했어.
        / 내가 보니까 {gift:을} 갖고 싶어 하더라.
        C 그럼 돈을 모아서 {gift:을} 사자.
        / 딱이다. {gift:은} 내가 사 올게.
        A 나는 {cake:을} 주문할게.
        / 그럼 {cake:은} 내가 맡을게{laugh}
        B 나는 {role:을} 준비할게.
        / {role:은} 나한테 맡겨 줘.
        C? {name:은} 절대 모르게 해야 돼{laugh}
        B? 걱정 마, 우리만 조용히 하면 돼.
        C? 제일 말 많은 사람이 너잖아{laugh}
        A {time}까지 모이자. 늦지 마!
        / 다들 {time}까지 와. 늦으면 안 돼{laugh}
        = {A:과} {B}, {C:은} {day}에 {spot}에서 {name:의} 생일 파티를 열기로 한다.
        = 선물로 {gift:을} 사고 {A:은} {cake:을}, {B:은} {role:을} 준비한다.
        """,
        """
        A {day}에 내 생일 파티 하는데 올래?
        / 나 {day:이} 생일이야.{laugh} 파티에 와 줄 수 있어?
        B 축하해! 어디서 해?
        / 와, 축하해.{laugh} 장소가 어디야?
        A {spot}에서 {time}에 시작해.
        / {time}까지 {spot:으로} 오면 돼.
        B 나는 갈게. 뭐 필요한 거 있어?
        / 당연히 가야지.{laugh} 내가 뭐 사 갈까?
        A 괜찮아, 그냥 {cake:이나} 같이 먹자.
        / 선물은 됐고 {cake} 하나만 사다 줘{laugh}
        C 미안해, 나는 {excuse} 못 갈 것 같아{cry}
        / 어떡하지, 그날은 {excuse} 안 돼{cry}
        A 아쉽다{cry}. 그래도 괜찮아.
        / 할 수 없지. 다음에 밥 먹자.
        C 대신 {gift:을} 선물로 보낼게.
        / 그럼 {gift} 하나 보내 줄게. 주소 알려 줘.
        A 고마워! 주소는 #Address#야.
        / 진짜? 고마워.{laugh} #Address#로 보내면 돼.
        B? 그럼 {day}에 보자{laugh}
        = {A:은} {day}에 {spot}에서 여는 생일 파티에 {B:과} {C:을} 초대한다.
        = {B:은} 가기로 하지만 {C:은} {excuse} 못 가고 {gift:을} 보낸다.
        """,
    ),
)
