// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DodonaConsumer} from "../../../src/DodonaConsumer.sol";
import {CreditLoan} from "../../../src/examples/CreditLoan.sol";
import {ExampleToken} from "../../../src/examples/ExampleToken.sol";
import {IDodonaOracle} from "../../../src/interfaces/IDodonaOracle.sol";
import {IModelRegistry} from "../../../src/interfaces/IModelRegistry.sol";
import {ExampleBase} from "../../ExampleBase.sol";

contract CreditLoanTest is ExampleBase {
    uint128 private constant PRINCIPAL = 1_000e6;
    uint128 private constant INTEREST = 50e6;
    uint32 private constant TERM = 30 days;
    uint32 private constant VALIDITY = 2 days;
    uint32 private constant TIME_TO_ANSWER = 1 hours;
    uint256 private constant FEE = 0.01 ether;

    CreditLoan private loan;
    ExampleToken private token;
    bytes32 private creditModel;
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");
    address private lender = makeAddr("lender");

    function setUp() public override {
        super.setUp();
        IModelRegistry.ModelSpec memory spec = _spec(_committed(1), 1);
        spec.outputDecimals = 0;
        spec.isPrivate = true;
        creditModel = _register(spec);
        token = new ExampleToken("dollar", "USD");
        loan = new CreditLoan(oracle, token, _terms());
        for (uint256 i = 0; i < 3; ++i) {
            address who = [alice, bob, lender][i];
            token.mint(who, 1_000_000e6);
            vm.deal(who, 10 ether);
            vm.prank(who);
            token.approve(address(loan), type(uint256).max);
        }
    }

    function _terms() private view returns (CreditLoan.Terms memory) {
        return CreditLoan.Terms({
            modelId: creditModel,
            mode: AGGREGATED,
            principal: PRINCIPAL,
            interest: INTEREST,
            term: TERM,
            validity: VALIDITY,
            timeToAnswer: TIME_TO_ANSWER
        });
    }

    function _apply(address who) private returns (bytes32) {
        vm.prank(who);
        return loan.applyForLoan{value: FEE}();
    }

    function _decide(bytes32 id, address who, int64 verdict) private {
        uint64 slot = loan.accountOf(who).slot;
        if (block.timestamp < slot) vm.warp(slot);
        _deliver(id, AGGREGATED, _slotOf(slot, verdict, true, true));
    }

    function _approve(address who) private {
        _decide(_apply(who), who, 1);
        assertEq(_standing(who), uint256(CreditLoan.Status.Approved));
    }

    function _lend(uint256 amount) private {
        vm.prank(lender);
        loan.deposit(amount);
    }

    function _owe(address who) private {
        _lend(PRINCIPAL);
        _approve(who);
        vm.prank(who);
        loan.draw();
    }

    function _standing(address who) private view returns (uint256) {
        return uint256(loan.accountOf(who).status);
    }

    // ------------------------------------------------------------- whole lives

    function test_anApprovedApplicantDrawsAndRepays() public {
        _lend(5_000e6);
        uint256 before = token.balanceOf(alice);
        uint64 slot = loan.nextSlot();
        bytes32 id = _apply(alice);
        assertEq(loan.applicantOf(slot), alice);
        _decide(id, alice, 1);
        assertFalse(oracle.callbackFailed(id));
        assertEq(loan.accountOf(alice).until, slot + VALIDITY);

        vm.prank(alice);
        loan.draw();
        assertEq(token.balanceOf(alice), before + PRINCIPAL);
        assertEq(loan.cash(), 4_000e6);
        assertEq(loan.lent(), PRINCIPAL);
        assertEq(loan.totalAssets(), 5_000e6);

        vm.warp(block.timestamp + TERM);
        vm.prank(bob);
        loan.repay(alice);
        assertEq(_standing(alice), uint256(CreditLoan.Status.Repaid));
        assertEq(loan.totalAssets(), 5_000e6 + INTEREST);
        assertEq(token.balanceOf(address(loan)), loan.cash());
        vm.warp(_offGrid(block.timestamp));
        _approve(alice);
    }

    /// @dev What the chain learns is the verdict: one output, the flags, a commitment.
    function test_onlyTheVerdictIsPublic() public {
        bytes32 id = _apply(alice);
        _decide(id, alice, 1);
        IDodonaOracle.Answer memory answer = oracle.answerOf(id);
        assertEq(answer.outputs.length, 1);
        assertEq(answer.outputs[0], 1);
        assertTrue(models.specOf(creditModel).isPrivate);
    }

    function test_aDefaultIsTheLendersLossAndBarsTheApplicant() public {
        _owe(alice);
        vm.warp(block.timestamp + TERM + 1);
        loan.declareDefault(alice);
        assertEq(loan.totalAssets(), 0);
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.WrongStatus.selector, alice, CreditLoan.Status.Defaulted));
        _apply(alice);
        vm.prank(bob);
        loan.repay(alice);
        assertEq(loan.totalAssets(), PRINCIPAL + INTEREST);
        assertEq(loan.lent(), 0);
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.WrongStatus.selector, alice, CreditLoan.Status.Recovered));
        _apply(alice);
    }

    function testFuzz_lendersShareInterestByTheirShares(uint256 mine, uint256 theirs) public {
        mine = bound(mine, PRINCIPAL, 100_000e6);
        theirs = bound(theirs, 1, 100_000e6);
        _lend(mine);
        vm.prank(bob);
        uint256 shares = loan.deposit(theirs);
        _approve(alice);
        vm.startPrank(alice);
        loan.draw();
        loan.repay(alice);
        vm.stopPrank();
        vm.prank(bob);
        uint256 got = loan.withdraw(shares);
        uint256 due = theirs + uint256(INTEREST) * theirs / (mine + theirs);
        assertLe(got, due);
        assertGe(got + 2, due);
        assertEq(token.balanceOf(address(loan)), loan.cash());
    }

    function testFuzz_noGainFromPassingThrough(uint256 mine, uint256 theirs) public {
        mine = bound(mine, PRINCIPAL, 500_000e6);
        theirs = bound(theirs, 1, 500_000e6);
        _owe(alice);
        _lend(mine);
        vm.startPrank(bob);
        assertLe(loan.withdraw(loan.deposit(theirs)), theirs);
    }

    // ----------------------------------------------------------------- binding

    /// @dev The attack: an applicant with a bad record has somebody else's good observation proved.
    function testFuzz_noOtherObservationAnswers(uint64 off, bool earlier) public {
        bytes32 id = _apply(alice);
        uint64 slot = loan.accountOf(alice).slot;
        off = uint64(bound(off, 1, 30)) * PERIOD;
        uint64 other = earlier ? slot - off : slot + off;
        if (!earlier) vm.warp(other);
        else vm.warp(slot);
        Delivery memory d = _delivery(id, model, AGGREGATED);
        d.slots = _slots(_slotOf(other, 1, true, true));
        uint256 created = START;
        _expectFulfilRevert(
            _prove(d),
            abi.encodeWithSelector(
                IDodonaOracle.ObservationOutOfWindow.selector,
                id,
                created,
                other > created ? created + PERIOD : created,
                other
            )
        );
        assertEq(_standing(alice), uint256(CreditLoan.Status.Asked));
    }

    function testFuzz_revertsIfSlotTaken(uint64 wait) public {
        uint64 slot = loan.nextSlot();
        _apply(alice);
        vm.warp(bound(wait, block.timestamp, slot - 1));
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.SlotTaken.selector, slot, alice));
        _apply(bob);
    }

    function testFuzz_revertsAtATimeOfObservation(uint64 n) public {
        uint256 at = (START / PERIOD + bound(n, 1, 10_000)) * PERIOD;
        vm.warp(at);
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.AtObservationTime.selector, at));
        _apply(alice);
    }

    // ---------------------------------------------------------------- applying

    function testFuzz_revertsIfFeeTooLow(uint256 fee) public {
        uint256 least = oracle.quote(loan.applyParams());
        fee = bound(fee, 0, least - 1);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.FeeTooLow.selector, least, fee));
        vm.prank(alice);
        loan.applyForLoan{value: fee}();
    }

    function testFuzz_revertsIfAskedAndTimeIsLeft(uint64 wait) public {
        _apply(alice);
        vm.warp(_offGrid(bound(wait, START, START + TIME_TO_ANSWER)));
        _expectStatusRevert(CreditLoan.Status.Asked);
        _apply(alice);
    }

    function testFuzz_revertsIfApprovedAndValid(uint64 wait) public {
        _approve(alice);
        vm.warp(_offGrid(bound(wait, block.timestamp + 1, block.timestamp + VALIDITY)));
        _expectStatusRevert(CreditLoan.Status.Approved);
        _apply(alice);
    }

    function testFuzz_revertsIfOwing(uint64 wait) public {
        _owe(alice);
        vm.warp(_offGrid(bound(wait, block.timestamp + 1, block.timestamp + 10 * uint256(TERM))));
        _expectStatusRevert(CreditLoan.Status.Drawn);
        _apply(alice);
    }

    function test_appliesAgainOnceUnansweredDeniedOrLapsed() public {
        bytes32 first = _apply(alice);
        vm.warp(START + TIME_TO_ANSWER + 1);
        bytes32 second = _apply(alice);
        assertNotEq(first, second);
        oracle.refund(first);
        assertEq(_credit(alice), FEE);
        _decide(second, alice, 0);
        assertEq(_standing(alice), uint256(CreditLoan.Status.Denied));
        vm.warp(block.timestamp + 1);
        _approve(alice);
        vm.warp(_offGrid(block.timestamp + VALIDITY + 1));
        _apply(alice);
        assertEq(_standing(alice), uint256(CreditLoan.Status.Asked));
    }

    // ---------------------------------------------------------------- verdicts

    function testFuzz_onlyOneApproves(int64 verdict, bool inDomain, bool unsaturated) public {
        bytes32 id = _apply(alice);
        uint64 slot = loan.accountOf(alice).slot;
        vm.warp(slot);
        verdict = int64(bound(verdict, -3, 3));
        _deliver(id, AGGREGATED, _slotOf(slot, verdict, inDomain, unsaturated));
        bool approved = verdict == 1 && inDomain && unsaturated;
        assertEq(_standing(alice), uint256(approved ? CreditLoan.Status.Approved : CreditLoan.Status.Denied));
        assertFalse(oracle.callbackFailed(id));
    }

    function testFuzz_revertsIfAnswererIsNotTheOracle(address caller) public {
        vm.assume(caller != address(oracle));
        bytes32 id = _apply(alice);
        IDodonaOracle.Answer memory answer = _answerOf(loan.accountOf(alice).slot, 1);
        vm.expectRevert(abi.encodeWithSelector(DodonaConsumer.CallerNotOracle.selector, address(oracle), caller));
        vm.prank(caller);
        loan.onDodonaAnswer(id, answer);
    }

    function testFuzz_revertsIfAnswerShowsAnotherTime(uint64 observedAt) public {
        bytes32 id = _apply(alice);
        uint64 slot = loan.accountOf(alice).slot;
        vm.assume(observedAt != slot);
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.WrongObservation.selector, slot, observedAt));
        vm.prank(address(oracle));
        loan.onDodonaAnswer(id, _answerOf(observedAt, 1));
    }

    function testFuzz_revertsIfApplicationWasReplaced(uint64 wait) public {
        bytes32 first = _apply(alice);
        uint64 slot = loan.accountOf(alice).slot;
        vm.warp(_offGrid(START + TIME_TO_ANSWER + bound(wait, 1, 30 days)));
        bytes32 second = _apply(alice);
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.Superseded.selector, second, first));
        vm.prank(address(oracle));
        loan.onDodonaAnswer(first, _answerOf(slot, 1));
    }

    // ----------------------------------------------------- drawing and repaying

    function testFuzz_revertsIfDrawnWithoutApproval(uint8 way) public {
        _lend(10 * uint256(PRINCIPAL));
        CreditLoan.Status status = CreditLoan.Status(bound(way, 0, 7));
        if (status == CreditLoan.Status.Approved) status = CreditLoan.Status.None;
        _bring(status);
        _expectStatusRevert(status);
        vm.prank(alice);
        loan.draw();
    }

    function testFuzz_revertsIfDrawnTooLate(uint64 wait) public {
        _lend(PRINCIPAL);
        _approve(alice);
        uint64 until = loan.accountOf(alice).until;
        vm.warp(bound(wait, until + 1, until + 3650 days));
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.TimePassed.selector, until, block.timestamp));
        vm.prank(alice);
        loan.draw();
        vm.warp(until);
        vm.prank(alice);
        loan.draw();
    }

    function testFuzz_revertsIfCashIsShort(uint256 cash) public {
        cash = bound(cash, 1, PRINCIPAL - 1);
        _lend(cash);
        _approve(alice);
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.InsufficientCash.selector, cash, PRINCIPAL));
        vm.prank(alice);
        loan.draw();
    }

    function testFuzz_revertsIfNothingIsOwed(uint8 way) public {
        _lend(10 * uint256(PRINCIPAL));
        CreditLoan.Status status = CreditLoan.Status(bound(way, 0, 7));
        if (status == CreditLoan.Status.Drawn || status == CreditLoan.Status.Defaulted) {
            status = CreditLoan.Status.None;
        }
        _bring(status);
        _expectStatusRevert(status);
        loan.repay(alice);
    }

    function testFuzz_revertsIfDefaultOfWhoOwesNothing(uint8 way) public {
        _lend(10 * uint256(PRINCIPAL));
        CreditLoan.Status status = CreditLoan.Status(bound(way, 0, 7));
        if (status == CreditLoan.Status.Drawn) status = CreditLoan.Status.None;
        _bring(status);
        _expectStatusRevert(status);
        loan.declareDefault(alice);
    }

    function testFuzz_revertsIfNotYetDue(uint64 wait) public {
        _owe(alice);
        uint64 due = loan.accountOf(alice).until;
        assertEq(due, block.timestamp + TERM);
        vm.warp(bound(wait, block.timestamp, due));
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.NotYetDue.selector, due, block.timestamp));
        loan.declareDefault(alice);
    }

    // ----------------------------------------------------------------- lending

    function test_revertsIfNothingIsDepositedOrWithdrawn() public {
        vm.startPrank(lender);
        vm.expectRevert(CreditLoan.ZeroAmount.selector);
        loan.deposit(0);
        loan.deposit(10);
        vm.expectRevert(CreditLoan.ZeroAmount.selector);
        loan.withdraw(0);
    }

    function testFuzz_revertsIfMoreSharesThanOwned(uint256 shares) public {
        _lend(100e6);
        uint256 owned = loan.sharesOf(lender);
        shares = bound(shares, owned + 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.ExceedsShares.selector, owned, shares));
        vm.prank(lender);
        loan.withdraw(shares);
    }

    function testFuzz_revertsIfWithdrawalExceedsCash(uint256 amount) public {
        _owe(alice);
        amount = bound(amount, 1, PRINCIPAL);
        uint256 shares = amount * 1_000;
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.InsufficientCash.selector, 0, amount));
        vm.prank(lender);
        loan.withdraw(shares);
    }

    // ------------------------------------------------------------------ set-up

    function testFuzz_refusesUnfitModels(uint8 way) public {
        IModelRegistry.ModelSpec memory spec = _spec(_committed(1), 1);
        spec.outputDecimals = 0;
        way = uint8(bound(way, 0, 3));
        if (way == 0) spec.nOutputs = 2;
        if (way == 1) spec.outputDecimals = 1;
        if (way == 2) spec.sources = _committed(2);
        if (way == 3) {
            spec.sources[0].kind = 1;
            spec.sources[0].feedId = 0;
        }
        CreditLoan.Terms memory terms = _terms();
        terms.modelId = _register(spec);
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.BadModel.selector, terms.modelId));
        new CreditLoan(oracle, token, terms);
    }

    function testFuzz_refusesBadTerms(uint8 way, uint32 time) public {
        CreditLoan.Terms memory terms = _terms();
        way = uint8(bound(way, 0, 4));
        if (way == 0) terms.principal = 0;
        if (way == 1) terms.term = 0;
        if (way == 2) terms.validity = 0;
        if (way == 3) terms.timeToAnswer = uint32(bound(time, 0, PERIOD));
        if (way == 4) terms.timeToAnswer = uint32(bound(time, oracle.MAX_LIFETIME() + 1, type(uint32).max));
        string memory field = way == 0 ? "principal" : way == 1 ? "term" : way == 2 ? "validity" : "timeToAnswer";
        uint256 got = way < 3 ? 0 : terms.timeToAnswer;
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.BadTerms.selector, field, got));
        new CreditLoan(oracle, token, terms);
    }

    function test_refusesAFeedWithoutTimeBetweenObservations() public {
        bytes32 fast = _feedOf(16, 1);
        IModelRegistry.ModelSpec memory spec = _spec(_committed(1), 1);
        spec.outputDecimals = 0;
        spec.sources[0].feedId = fast;
        CreditLoan.Terms memory terms = _terms();
        terms.modelId = _register(spec);
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.BadTerms.selector, "period", 1));
        new CreditLoan(oracle, token, terms);
    }

    function test_tellsItsTerms() public view {
        assertEq(abi.encode(loan.terms()), abi.encode(_terms()));
        assertEq(loan.period(), PERIOD);
    }

    // ----------------------------------------------------------------- helpers

    function _expectStatusRevert(CreditLoan.Status status) private {
        vm.expectRevert(abi.encodeWithSelector(CreditLoan.WrongStatus.selector, alice, status));
    }

    /// @dev The nearest second from `at` on that is not a time of observation.
    function _offGrid(uint256 at) private pure returns (uint256) {
        return at % PERIOD == 0 ? at + 1 : at;
    }

    /// @dev Brings alice to `status` by the verbs that lead there.
    function _bring(CreditLoan.Status status) private {
        if (status == CreditLoan.Status.None) return;
        bytes32 id = _apply(alice);
        if (status == CreditLoan.Status.Asked) return;
        _decide(id, alice, status == CreditLoan.Status.Denied ? int64(0) : int64(1));
        if (status == CreditLoan.Status.Denied || status == CreditLoan.Status.Approved) return;
        vm.prank(alice);
        loan.draw();
        if (status == CreditLoan.Status.Drawn) return;
        if (status == CreditLoan.Status.Repaid) {
            vm.prank(alice);
            return loan.repay(alice);
        }
        vm.warp(block.timestamp + TERM + 1);
        loan.declareDefault(alice);
        if (status == CreditLoan.Status.Defaulted) return;
        vm.prank(alice);
        loan.repay(alice);
    }
}
