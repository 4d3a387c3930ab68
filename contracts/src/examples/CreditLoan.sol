// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {DodonaConsumer} from "../DodonaConsumer.sol";
import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";

/// @title CreditLoan
/// @notice Unsecured loans of one size to applicants whom a credit model approves. Features and score stay hidden; what
/// the chain sees is one verdict, 0 or 1, and the two flags of every answer. Lenders share interest and losses.
/// @dev How an applicant is bound to an observation. All applicants share one feed and one model, and an answer names
/// no person; but it names a time, and of each time a publisher signs one observation only (two are equivocation). So
/// an application books the feed's next time of observation for one applicant alone, before that time has come, and
/// asks the oracle in a way that nothing but this observation can answer: no data from before (`maxDataAge` 0), the
/// first one after (`allowLater`). A publisher commits at time `slot` to the features of `applicantOf(slot)`, and signs
/// nothing for times that nobody booked.
/// @dev ASSUMPTIONS: the publisher is trusted for the features, and for waiting until the booking is final, since a
/// reorg can give the slot to somebody else. The feed serves this contract alone, and has one publisher or publishers
/// that agree: an operator may choose whose observation it proves. At most one application fits into a period; whoever
/// wants to keep others out pays the oracle's fee for every slot.
/// @dev The token must move what it says: no fee on transfer, no rebasing.
contract CreditLoan is DodonaConsumer, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice None: may apply. Asked: waits for a verdict. Approved: may draw for a while. Denied: may apply again.
    /// Drawn: owes. Repaid: may apply again. Defaulted: never again. Recovered: defaulted and paid after all; never
    /// again.
    enum Status {
        None,
        Asked,
        Approved,
        Denied,
        Drawn,
        Repaid,
        Defaulted,
        Recovered
    }

    /// @notice What all loans have in common.
    /// @param modelId one committed source, one output without decimals: 1 approves, anything else does not.
    /// @param mode 0 direct, 1 aggregated (the model itself stays private only if aggregated).
    /// @param principal size of a loan, units of the token.
    /// @param interest paid with it, units of the token.
    /// @param term seconds from drawing until it is due.
    /// @param validity seconds for which an approval holds, from the time of the observation.
    /// @param timeToAnswer seconds that operators have; longer than the feed's period.
    struct Terms {
        bytes32 modelId;
        uint8 mode;
        uint128 principal;
        uint128 interest;
        uint32 term;
        uint32 validity;
        uint32 timeToAnswer;
    }

    /// @notice Where an applicant stands.
    /// @param requestId the newest application.
    /// @param slot time of the observation that it booked.
    /// @param until Asked: last second for a verdict; Approved: last second to draw; Drawn: last second to repay.
    struct Account {
        bytes32 requestId;
        uint64 slot;
        uint64 until;
        Status status;
    }

    /// @notice Gas that a verdict's delivery may use here.
    uint32 public constant CALLBACK_GAS = 100_000;
    /// @dev Shares that nobody owns, so that the first deposits cannot be robbed by rounding.
    uint256 private constant VIRTUAL_SHARES = 1_000;

    IERC20 public immutable token;
    /// @notice Seconds between observations, which is between slots.
    uint64 public immutable period;

    Terms private _terms;
    mapping(address applicant => Account) private _accounts;
    mapping(bytes32 requestId => address) private _applicantOfRequest;
    /// @notice Whose features the observation of this time shows; 0: nobody's.
    mapping(uint64 slot => address) public applicantOf;

    mapping(address lender => uint256) public sharesOf;
    uint256 public totalShares;
    /// @notice Tokens that are here to be lent or withdrawn.
    uint256 public cash;
    /// @notice Principal of loans that run.
    uint256 public lent;

    event Applied(address indexed applicant, uint64 indexed slot, bytes32 indexed requestId);
    event Decided(address indexed applicant, bytes32 indexed requestId, bool approved);
    event Drawn(address indexed applicant, uint256 principal, uint64 due);
    event Repaid(address indexed applicant, address indexed payer, uint256 amount);
    event Defaulted(address indexed applicant, uint256 lost);
    event Deposited(address indexed lender, uint256 amount, uint256 shares);
    event Withdrawn(address indexed lender, uint256 amount, uint256 shares);

    /// @notice The model has not one committed source and one output without decimals.
    error BadModel(bytes32 modelId);
    /// @notice A term is outside its range; `field` is its name.
    error BadTerms(string field, uint256 got);
    /// @notice This second is a time of observation itself, so that two would fit: apply in the next one.
    error AtObservationTime(uint256 timestamp);
    error SlotTaken(uint64 slot, address applicant);
    /// @notice The applicant's standing does not allow this.
    error WrongStatus(address applicant, Status status);
    error Superseded(bytes32 expected, bytes32 got);
    error WrongObservation(uint64 expected, uint64 got);
    error TimePassed(uint64 until, uint256 timestamp);
    error NotYetDue(uint64 until, uint256 timestamp);
    error InsufficientCash(uint256 cash, uint256 wanted);
    error ExceedsShares(uint256 shares, uint256 got);
    error ZeroAmount();

    /// @param oracle where verdicts come from.
    /// @param token_ what is lent.
    /// @param terms_ see `Terms`.
    constructor(IDodonaOracle oracle, IERC20 token_, Terms memory terms_) DodonaConsumer(oracle) {
        IModelRegistry.ModelSpec memory spec = IModelRegistry(oracle.modelRegistry()).specOf(terms_.modelId);
        bool fits =
            spec.nOutputs == 1 && spec.outputDecimals == 0 && spec.sources.length == 1 && spec.sources[0].kind == 0;
        if (!fits) revert BadModel(terms_.modelId);
        token = token_;
        period = IFeedRegistry(oracle.feedRegistry()).feedOf(spec.sources[0].feedId).period;
        if (period < 2) revert BadTerms("period", period);
        if (terms_.principal == 0) revert BadTerms("principal", 0);
        if (terms_.term == 0) revert BadTerms("term", 0);
        if (terms_.validity == 0) revert BadTerms("validity", 0);
        if (terms_.timeToAnswer <= period || terms_.timeToAnswer > oracle.MAX_LIFETIME()) {
            revert BadTerms("timeToAnswer", terms_.timeToAnswer);
        }
        _terms = terms_;
    }

    // --------------------------------------------------------------- borrowing

    /// @notice Applies for a loan to the caller: books the next observation and asks for a verdict on it. All of
    /// `msg.value` is the oracle's fee, at least `dodona.quote(applyParams())`; it comes back as credit in the oracle
    /// if nobody answers.
    /// @dev WARNING: that somebody applied, and the verdict, are public.
    function applyForLoan() external payable nonReentrant returns (bytes32 id) {
        Account storage account = _accounts[msg.sender];
        if (!_mayApply(account)) revert WrongStatus(msg.sender, account.status);
        if (block.timestamp % period == 0) revert AtObservationTime(block.timestamp);
        uint64 slot = nextSlot();
        if (applicantOf[slot] != address(0)) revert SlotTaken(slot, applicantOf[slot]);
        IDodonaOracle.RequestParams memory params = applyParams();
        params.refundTo = msg.sender;
        applicantOf[slot] = msg.sender;
        id = _ask(params, msg.value);
        _applicantOfRequest[id] = msg.sender;
        _accounts[msg.sender] = Account({requestId: id, slot: slot, until: params.deadline, status: Status.Asked});
        emit Applied(msg.sender, slot, id);
    }

    /// @notice Pays the loan to the caller, once for an approval and while it holds.
    function draw() external nonReentrant {
        Account storage account = _accounts[msg.sender];
        if (account.status != Status.Approved) revert WrongStatus(msg.sender, account.status);
        if (block.timestamp > account.until) revert TimePassed(account.until, block.timestamp);
        uint256 principal = _terms.principal;
        if (cash < principal) revert InsufficientCash(cash, principal);
        uint64 due = uint64(block.timestamp) + _terms.term;
        account.status = Status.Drawn;
        account.until = due;
        cash -= principal;
        lent += principal;
        token.safeTransfer(msg.sender, principal);
        emit Drawn(msg.sender, principal, due);
    }

    /// @notice Anyone: pays principal and interest of `applicant`'s loan. Early, late or after its default, but the
    /// applicant stays barred after a default.
    function repay(address applicant) external nonReentrant {
        Account storage account = _accounts[applicant];
        bool defaulted = account.status == Status.Defaulted;
        if (account.status != Status.Drawn && !defaulted) revert WrongStatus(applicant, account.status);
        uint256 amount = uint256(_terms.principal) + _terms.interest;
        account.status = defaulted ? Status.Recovered : Status.Repaid;
        cash += amount;
        if (!defaulted) lent -= _terms.principal;
        token.safeTransferFrom(msg.sender, address(this), amount);
        emit Repaid(applicant, msg.sender, amount);
    }

    /// @notice Anyone, after a loan was due: writes it off and bars the applicant.
    function declareDefault(address applicant) external {
        Account storage account = _accounts[applicant];
        if (account.status != Status.Drawn) revert WrongStatus(applicant, account.status);
        if (block.timestamp <= account.until) revert NotYetDue(account.until, block.timestamp);
        account.status = Status.Defaulted;
        lent -= _terms.principal;
        emit Defaulted(applicant, _terms.principal);
    }

    // ----------------------------------------------------------------- lending

    /// @notice Lends `amount` to the pool for shares, rounded down.
    function deposit(uint256 amount) external nonReentrant returns (uint256 shares) {
        shares = Math.mulDiv(amount, totalShares + VIRTUAL_SHARES, totalAssets() + 1);
        if (shares == 0) revert ZeroAmount();
        cash += amount;
        totalShares += shares;
        sharesOf[msg.sender] += shares;
        token.safeTransferFrom(msg.sender, address(this), amount);
        emit Deposited(msg.sender, amount, shares);
    }

    /// @notice Gives back `shares` for what they are worth, rounded down, as far as cash is here.
    /// @dev WARNING: a loan that is due and not paid counts in full until somebody declares its default; do that first.
    function withdraw(uint256 shares) external nonReentrant returns (uint256 amount) {
        uint256 owned = sharesOf[msg.sender];
        if (shares > owned) revert ExceedsShares(owned, shares);
        amount = Math.mulDiv(shares, totalAssets() + 1, totalShares + VIRTUAL_SHARES);
        if (amount == 0) revert ZeroAmount();
        if (cash < amount) revert InsufficientCash(cash, amount);
        cash -= amount;
        totalShares -= shares;
        sharesOf[msg.sender] = owned - shares;
        token.safeTransfer(msg.sender, amount);
        emit Withdrawn(msg.sender, amount, shares);
    }

    // ----------------------------------------------------------------- reading

    function terms() external view returns (Terms memory) {
        return _terms;
    }

    function accountOf(address applicant) external view returns (Account memory) {
        return _accounts[applicant];
    }

    /// @notice Cash and running principal.
    function totalAssets() public view returns (uint256) {
        return cash + lent;
    }

    /// @notice The time of observation that an application in this block books.
    function nextSlot() public view returns (uint64) {
        return (uint64(block.timestamp) / period + 1) * period;
    }

    /// @notice What `applyForLoan` asks at this block, without fee and `refundTo`.
    function applyParams() public view returns (IDodonaOracle.RequestParams memory params) {
        params.modelId = _terms.modelId;
        params.mode = _terms.mode;
        params.allowLater = true;
        params.callbackGasLimit = CALLBACK_GAS;
        params.deadline = uint64(block.timestamp) + _terms.timeToAnswer;
    }

    // --------------------------------------------------------------- internals

    /// @dev Reverts only for answers that decide nothing: of an application that another one has replaced, or with
    /// another observation, which the oracle does not let through. Out of the model's domain counts as denied.
    function _onAnswer(bytes32 id, IDodonaOracle.Answer calldata answer) internal override {
        address applicant = _applicantOfRequest[id];
        Account storage account = _accounts[applicant];
        if (account.requestId != id) revert Superseded(account.requestId, id);
        if (answer.observedAt != account.slot) revert WrongObservation(account.slot, answer.observedAt);
        bool approved = answer.inDomain && answer.unsaturated && answer.outputs[0] == 1;
        account.status = approved ? Status.Approved : Status.Denied;
        account.until = account.slot + _terms.validity;
        emit Decided(applicant, id, approved);
    }

    function _mayApply(Account storage account) private view returns (bool) {
        Status status = account.status;
        if (status == Status.Drawn || status >= Status.Defaulted) return false;
        return (status != Status.Asked && status != Status.Approved) || block.timestamp > account.until;
    }
}
